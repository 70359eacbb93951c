import { type SQL, sql } from "drizzle-orm";
import { OPERATION_STATES } from "../../../contracts/states.ts";
import { textArray } from "../eligibility.ts";
import type { Search } from "./find.ts";
import type { Match } from "./match.ts";
import type { Place } from "./sorting.ts";
import { bigintArray, ofTargets, where } from "./sql-parts.ts";

/** Collects all that match, by whichever of the filters' indexes PostgreSQL finds cheapest, and sorts them. */
export async function gather(search: Search, within: readonly SQL[]): Promise<Place[]> {
  const { db, sorting, wanted, match } = search;
  const targets = ofTargets(match.targets, "seen");
  const found = await db.execute<{ code: string; key: string }>(sql`
    with seen as materialized (${matching(search, within)})${targets.named}, found as (
      select o.code, o.key from seen o ${where(targets.conditions)}
    )
    select found.code, ${sorting.placeKey} as key from found order by ${sorting.orderOf("found")} limit ${wanted.limit}`);
  return found.map(({ code, key }) => ({ code: Number(code), key }));
}

/** What gathering is expected to cost, in rows that could be walked meanwhile: measured, a unit of cost and a row each. */
export async function gatheringCost(search: Search, within: readonly SQL[]): Promise<number> {
  const [row] = await search.db.execute<{ "QUERY PLAN": [{ Plan: Record<"Total Cost" | "Plan Rows", number> }] }>(
    sql`explain (format json) ${matching(search, within)}`,
  );
  const plan = row?.["QUERY PLAN"][0].Plan;
  return plan ? plan["Total Cost"] + plan["Plan Rows"] : 0;
}

/** All operations that match, of any target if the targets are too many to be named. */
function matching({ match, sorting, wanted }: Search, within: readonly SQL[]): SQL {
  const conditions = [...matchConditions(match), ...within, ...(wanted.after ? [sorting.behind(wanted.after)] : [])];
  return sql`select o.code, o.target_id, ${sorting.key} as key from operations o ${where(conditions)}`;
}

function matchConditions({ states, conditions, targets, scheduled, executed }: Match): SQL[] {
  const ranges = [...scheduled, ...executed];
  return [
    // The indexes of times begin with the state.
    ...(states || ranges.length > 0 ? [sql`o.state = any(${textArray(states ?? OPERATION_STATES)})`] : []),
    ...conditions,
    ...ranges,
    ...(targets && "ids" in targets ? [sql`o.target_id = any(${bigintArray(targets.ids)})`] : []),
  ];
}
