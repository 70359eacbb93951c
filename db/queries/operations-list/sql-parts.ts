import { type SQL, sql } from "drizzle-orm";
import type { TargetMatch } from "./targets.ts";

/** A WHERE clause of all the conditions, or nothing. */
export function where(conditions: readonly SQL[]): SQL {
  return conditions.length === 0 ? sql`` : sql`where ${sql.join([...conditions], sql` and `)}`;
}

/**
 * For targets too many to be named: a further part `named` of a WITH clause that asks each target that rows of an
 * earlier part have, once, and the condition on those rows, then called `o`.
 */
export function ofTargets(
  targets: TargetMatch | undefined,
  rows: string,
): { readonly named: SQL; readonly conditions: readonly SQL[] } {
  if (!targets || "ids" in targets) return { named: sql``, conditions: [] };
  return {
    named: sql`, named as materialized (
      select t.id from target_snapshots t where ${targets.ask}
        and t.id in (select ${sql.identifier(rows)}.target_id from ${sql.identifier(rows)}))`,
    conditions: [sql`o.target_id in (select named.id from named)`],
  };
}

export function bigintArray(numbers: readonly number[]): SQL {
  return sql`${`{${numbers.join(",")}}`}::bigint[]`;
}
