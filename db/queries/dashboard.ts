/** Figures about all credentials: one pass over them, and index scans over the operations. */
import { sql } from "drizzle-orm";
import type { Dashboard } from "../../contracts/dashboard.schema.ts";
import { PASSWORD_KINDS } from "../../contracts/states.ts";
import type { Database } from "../client.ts";
import { textArray } from "./eligibility.ts";

type Counts = Omit<Dashboard["sites"][number], "site">;

/** Counts over all and by site, successes of the last 30 days, and the oldest change that nobody works on. */
export async function readDashboard(db: Database): Promise<Dashboard> {
  const [sites, successes, oldestOverdueSeconds] = await Promise.all([
    countSites(db),
    countSuccesses(db),
    oldestOverdue(db),
  ]);
  const total: Record<keyof Counts, number> = {
    total: 0,
    managed: 0,
    notManaged: 0,
    waiting: 0,
    error: 0,
    expired: 0,
    refused: 0,
    updated: 0,
  };
  const names = Object.keys(total) as (keyof Counts)[];
  for (const site of sites) for (const name of names) total[name] += site[name];
  return { at: new Date().toISOString(), ...total, sites, successes, oldestOverdueSeconds };
}

async function countSites(db: Database): Promise<Dashboard["sites"]> {
  const rows = await db.execute<Dashboard["sites"][number]>(sql`
    with standing as (
      select d.site, c.automatic_refusal is not null as refused, case
          when not c.automatic_change then 'notManaged'
          when o.code is not null then 'waiting'
          when c.attention is not null or c.last_failure is not null then 'error'
          -- Put off, after it was due.
          when c.next_change_at <= greatest(now(), c.automatic_not_before) then 'expired'
          when c.changed_at is not null then 'updated'
          else 'untouched' end as is
      from credentials c join devices d on d.id = c.device_id
      left join operations o on o.open_credential_id = c.id
      where c.active and d.active)
    select site, count(*)::int as total,
      count(*) filter (where standing.is <> 'notManaged')::int as managed,
      count(*) filter (where standing.is = 'notManaged')::int as "notManaged",
      count(*) filter (where standing.is = 'waiting')::int as waiting,
      count(*) filter (where standing.is = 'error')::int as error,
      count(*) filter (where standing.is = 'expired')::int as expired,
      count(*) filter (where standing.is = 'expired' and refused)::int as refused,
      count(*) filter (where standing.is = 'updated')::int as updated
    from standing group by site order by site`);
  return [...rows];
}

async function countSuccesses(db: Database): Promise<Dashboard["successes"]> {
  const rows = await db.execute<{ day: string; changes: number }>(sql`
    with days as (
      select (now() at time zone 'UTC')::date - ago as day from generate_series(29, 0, -1) as ago
    ), done as (
      select (ended_at at time zone 'UTC')::date as day, count(*)::int as changes from operations
      where state = 'succeeded' and kind <> 'verify-password' and kind = any(${textArray(PASSWORD_KINDS)})
        and ended_at >= (select min(day) from days)::timestamp at time zone 'UTC'
      group by 1)
    select to_char(days.day, 'YYYY-MM-DD') as day, coalesce(done.changes, 0) as changes
    from days left join done on done.day = days.day order by days.day`);
  return [...rows];
}

/**
 * Seconds since the oldest change that a policy wants was due, while there is no operation for it; 0 when there is
 * none. Paused ones count, those that wait for a person or cool down do not.
 */
export async function oldestOverdue(db: Database): Promise<number> {
  const [row] = await db.execute<{ seconds: number }>(sql`
    select extract(epoch from now() - next_change_at)::float8 as seconds from credentials
    where next_change_at <= now() and attention is null
      and not exists (select 1 from operations where open_credential_id = credentials.id)
    order by next_change_at limit 1`);
  return row?.seconds ?? 0;
}
