/** The part of a filter that the table of targets answers: small beside the operations, and searched first. */
import { type SQL, sql } from "drizzle-orm";
import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import { contains } from "../cursor.ts";
import { textArray } from "../eligibility.ts";

/** The targets that match, or what is to be asked of each when they are too many to be named. */
export type TargetMatch = { readonly ids: readonly number[] } | { readonly ask: SQL };

/** Targets that are named at most. */
const NAMED = 2000;
/** Targets that are looked at first, spread evenly, and how many of them may match before all are taken for many. */
const SAMPLE = 400;
const SAMPLE_MATCHES = 10;

const TEXTS = ["username", "device", "manufacturer", "model", "site"] as const;

/** Finds the targets that a filter means: undefined when it means all, "none" when none matches. */
export async function matchTargets(
  db: Database | Transaction,
  filter: OperationFilter,
): Promise<TargetMatch | "none" | undefined> {
  const ask = targetConditions(filter);
  if (!ask) return undefined;
  // A text that most targets hold would be searched for among all of them, only to learn that they are many.
  const [sample] = await db.execute<{ matches: number }>(sql`
    select count(*)::int as matches from target_snapshots t where ${ask} and t.id in (
      select generate_series(1, max(id), greatest(1, max(id) / ${SAMPLE})) from target_snapshots)`);
  if (sample && sample.matches > SAMPLE_MATCHES) return { ask };
  const rows = await db.execute<{ id: string }>(
    sql`select t.id from target_snapshots t where ${ask} limit ${NAMED + 1}`,
  );
  if (rows.length === 0) return "none";
  return rows.length > NAMED ? { ask } : { ids: rows.map(({ id }) => Number(id)) };
}

function targetConditions(filter: OperationFilter): SQL | undefined {
  const parts = TEXTS.flatMap((column) => {
    const texts = filter[column];
    return texts ? [containsAny(sql`t.${sql.identifier(column)}`, texts)] : [];
  });
  if (filter.q) parts.push(containsAny(sql`t.search`, filter.q));
  // Lowered by PostgreSQL on both sides: JavaScript lowers some letters otherwise.
  if (filter.tag) parts.push(sql`lower_all(t.tags) && lower_all(${textArray(filter.tag)})`);
  return parts.length === 0 ? undefined : sql.join(parts, sql` and `);
}

/** Whether a text holds one of these, in any case of letters. */
export function containsAny(column: SQL, texts: readonly string[]): SQL {
  const parts = texts.map((text) => sql`${column} ilike ${contains(text)}`);
  return sql`(${sql.join(parts, sql` or `)})`;
}
