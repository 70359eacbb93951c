/**
 * Operations counted by state and site: what the events up to a place add up to, and the events since. Nobody who
 * changes a state waits for anybody else, and the sum is exact at any moment.
 */
import { sql } from "drizzle-orm";
import type { OperationCounts, StateCounts } from "../../contracts/operations-list.schema.ts";
import { OPERATION_STATES, type OperationState } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { operationCounts, operationEventsFold } from "../schema/index.ts";

/** Any number nobody else takes: one fold at a time. */
const LOCK = 7_204_190_002;
/** So many events beyond the counts are added up by the next reader. */
const FOLD_AFTER = 1000;
/** Events removed in one fold, at most, and how long each is kept. */
const TRIM = 20_000;
const KEPT = sql`interval '7 days'`;

/** How many operations are in each state, in all and by site. */
export async function countOperations(db: Database): Promise<OperationCounts> {
  const { counts, beside } = await readCounts(db);
  if (beside > FOLD_AFTER) await foldEvents(db);
  return counts;
}

/** The same, and how many events were added up for it. */
export async function readCounts(
  db: Database | Transaction,
): Promise<{ readonly counts: OperationCounts; readonly beside: number }> {
  // One statement, so one snapshot: an event is either in the counts or beside them.
  const rows = await db.execute<{ state: OperationState; site: string; count: number; beside: number }>(sql`
    with since as materialized (
      select from_state, state, site from operation_events
      where xid >= (select folded_below from ${operationEventsFold})
    ), parts as (
      select state, site, count from ${operationCounts}
      union all select state, site, count(*) from since group by state, site
      union all select from_state, site, -count(*) from since where from_state is not null group by from_state, site
    )
    select state, site, sum(count)::int as count, (select count(*)::int from since) as beside
    from parts group by state, site`);
  const sites: Record<string, StateCounts> = {};
  for (const { state, site, count } of rows) (sites[site] ??= noCounts())[state] = count;
  const all = noCounts();
  for (const counts of Object.values(sites)) for (const state of OPERATION_STATES) all[state] += counts[state];
  return { counts: { ...all, sites }, beside: rows[0]?.beside ?? 0 };
}

function noCounts(): StateCounts {
  return Object.fromEntries(OPERATION_STATES.map((state) => [state, 0])) as StateCounts;
}

/**
 * Adds the events of transactions that are over to the counts, and removes events older than seven days. Readers do
 * it when much has gathered; the repair sweep does it each minute. Whoever comes second has nothing to do.
 */
export async function foldEvents(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    const [lock] = await tx.execute<{ mine: boolean }>(sql`select pg_try_advisory_xact_lock(${LOCK}) as mine`);
    if (!lock?.mine) return;
    // All transactions below this are over, and everything they wrote is seen by each later statement.
    const [bound] = await tx.execute<{ xid: string }>(sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`);
    const below = sql`${bound?.xid ?? "0"}::xid8`;
    await tx.execute(sql`
      with moved as (
        select from_state, state, site from operation_events
        where xid >= (select folded_below from ${operationEventsFold}) and xid < ${below}
      )
      insert into ${operationCounts} (state, site, count)
      select state, site, sum(count) from (
        select state, site, count(*) as count from moved group by state, site
        union all select from_state, site, -count(*) from moved where from_state is not null group by from_state, site
      ) parts group by state, site
      on conflict (state, site) do update set count = operation_counts.count + excluded.count`);
    await tx.execute(sql`update ${operationEventsFold} set folded_below = ${below}`);
    await tx.execute(sql`
      with oldest as (
        select xid, id from operation_events where xid < ${below} order by xid, id limit ${TRIM}
      ), removed as (
        delete from operation_events e using oldest
        where e.xid = oldest.xid and e.id = oldest.id and e.at < now() - ${KEPT} returning e.xid, e.id
      )
      update ${operationEventsFold} set trimmed_xid = last.xid, trimmed_id = last.id
      from (select xid, id from removed order by xid desc, id desc limit 1) last`);
  });
}
