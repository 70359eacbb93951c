import { type SQL, sql } from "drizzle-orm";
import { OPERATION_STATES, type OperationState } from "../../../contracts/states.ts";
import type { Search } from "./search.ts";
import type { Place } from "./sorting.ts";
import { bigintArray, ofTargets, where } from "./sql-parts.ts";
import type { Walked } from "./walk-if-near.ts";

/** Looks at so many rows in the order of the sort and keeps those that match. */
export async function walk(search: Search, within: readonly SQL[], rows: number): Promise<Walked<Place>> {
  const { db, match, sorting, wanted } = search;
  const { name } = sorting;
  const inIndex = [
    ...within,
    ...(name === "code" ? [] : match[name]),
    ...(wanted.after ? [sorting.behind(wanted.after)] : []),
  ];
  const rest = [
    ...match.conditions,
    ...(name === "scheduled" ? [] : match.scheduled),
    ...(name === "executed" ? [] : match.executed),
    ...(match.targets && "ids" in match.targets ? [sql`o.target_id = any(${bigintArray(match.targets.ids)})`] : []),
  ];
  const targets = ofTargets(match.targets, "passed");
  const found = await db.execute<{ scanned: number; code: string | null; key: string | null }>(sql`
    with seen as materialized (${streams(search, inIndex, rows)}), passed as materialized (
      select o.code, o.key, o.target_id from seen o ${where(rest)}
    )${targets.named}, found as (
      select o.code, o.key from passed o ${where(targets.conditions)}
      order by ${sorting.orderOf("o")} limit ${wanted.limit}
    )
    select scanned, found.code, ${sorting.placeKey} as key
    from (select count(*)::int as scanned from seen) one left join found on true order by ${sorting.orderOf("found")}`);
  const places = found.flatMap(({ code, key }) => (code === null || key === null ? [] : [{ code: Number(code), key }]));
  return { scanned: found[0]?.scanned ?? 0, places };
}

/** The first rows in the order of the sort, merged from each state's own order: the index holds what is read. */
function streams({ match, sorting }: Search, conditions: readonly SQL[], rows: number): SQL {
  const stream = (state: OperationState) => sql`
    select o.code, o.kind, o.target_id, o.requested_by, o.due_at, o.executed_at${match.more ?? sql``}, ${sorting.key} as key
    from operations o ${where([sql`o.state = ${state}`, ...conditions])}
    order by ${sorting.order} limit ${rows}`;
  const branches = sql.join(
    (match.states ?? OPERATION_STATES).map((state) => sql`(${stream(state)})`),
    sql` union all `,
  );
  // Each branch is ordered and limited of its own, so that they are merged row by row and none is read to its end.
  return sql`select * from (${branches}) merged order by ${sorting.orderOf("merged")} limit ${rows}`;
}
