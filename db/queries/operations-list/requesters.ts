import { type SQL, sql } from "drizzle-orm";
import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import { requesters } from "../../schema/index.ts";
import { textArray } from "../eligibility.ts";
import { containsAny } from "./targets.ts";

/** Requesters that are named at most; of more, each operation is asked for its own. */
const NAMED = 2000;

/** The requesters that a filter means, as a condition on operations `o`; "none" when nobody matches. */
export async function matchRequesters(
  db: Database | Transaction,
  { requester }: OperationFilter,
): Promise<SQL | "none" | undefined> {
  if (!requester) return undefined;
  const rows = await db.execute<{ name: string }>(
    sql`select name from ${requesters} where ${containsAny(sql`name`, requester)} limit ${NAMED + 1}`,
  );
  if (rows.length === 0) return "none";
  if (rows.length > NAMED) return containsAny(sql`o.requested_by`, requester);
  return sql`o.requested_by = any(${textArray(rows.map(({ name }) => name))})`;
}
