import { type SQL, sql } from "drizzle-orm";
import { OPERATION_STATES } from "../../../contracts/states.ts";
import { textArray } from "../eligibility.ts";
import type { Search } from "./search.ts";
import type { Match } from "./match.ts";
import type { Place } from "./sorting.ts";
import { bigintArray, ofTargets, where } from "./sql-parts.ts";

/** Collects all that match, by whichever of the filters' indexes PostgreSQL finds cheapest, and sorts them. */
export function gather(search: Search): Promise<Place[]> {
  return pickFirst(search, sql`seen as materialized (${matching(search)})`);
}

/**
 * Collects those that match among strays. Each kind has an index of its own; PostgreSQL takes them for many, so
 * nothing else is asked of them before they are found.
 */
export function gatherStrays(search: Search, kinds: readonly (readonly SQL[])[]): Promise<Place[]> {
  const { match, sorting, wanted } = search;
  const after = wanted.after ? [sorting.behind(wanted.after)] : [];
  const strays = kinds.map(
    (kind) => sql`
      select o.code, o.state, o.kind, o.target_id, o.requested_by, o.due_at, o.executed_at${match.more ?? sql``}
      from operations o ${where([...kind, ...after])}`,
  );
  return pickFirst(
    search,
    sql`strays as materialized (${sql.join(strays, sql` union `)}), seen as (
      select o.code, o.target_id, ${sorting.key} as key from strays o ${where(matchConditions(match))}
    )`,
  );
}

/** The first of those in `seen` whose targets match. */
async function pickFirst({ db, match, sorting, wanted }: Search, seen: SQL): Promise<Place[]> {
  const targets = ofTargets(match.targets, "seen");
  const found = await db.execute<{ code: string; key: string }>(sql`
    with ${seen}${targets.named}, found as (
      select o.code, o.key from seen o ${where(targets.conditions)}
    )
    select found.code, ${sorting.placeKey} as key from found order by ${sorting.orderOf("found")} limit ${wanted.limit}`);
  return found.map(({ code, key }) => ({ code: Number(code), key }));
}

/** Rows that are walked, in an index alone, while gathering takes one row or one of PostgreSQL's units of cost. */
const WALKED_MEANWHILE = 5;

/** What gathering is expected to cost, in rows that could be walked meanwhile. */
export async function gatheringCost(search: Search): Promise<number> {
  const [row] = await search.db.execute<{ "QUERY PLAN": [{ Plan: Record<"Total Cost" | "Plan Rows", number> }] }>(
    sql`explain (format json) ${matching(search)}`,
  );
  const plan = row?.["QUERY PLAN"][0].Plan;
  return plan ? WALKED_MEANWHILE * (plan["Total Cost"] + plan["Plan Rows"]) : 0;
}

/** All operations that match, of any target if the targets are too many to be named. */
function matching({ match, sorting, wanted }: Search): SQL {
  const conditions = [...matchConditions(match), ...(wanted.after ? [sorting.behind(wanted.after)] : [])];
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
