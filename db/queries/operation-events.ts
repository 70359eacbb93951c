/**
 * Events of operations in one order that everybody sees alike: by the number of their transaction, and only when no
 * smaller number can still appear. Nothing is missed, and nothing comes twice.
 */
import { sql } from "drizzle-orm";
import type { OperationEvent } from "../../contracts/operation-events.schema.ts";
import type { OperationState } from "../../contracts/states.ts";
import type { Database } from "../client.ts";

/** A place among the events: behind the one with these numbers. */
export interface EventPlace {
  readonly xid: bigint;
  readonly id: number;
}

export interface PlacedEvent extends EventPlace {
  readonly event: OperationEvent;
}

export function isBehind(a: EventPlace, b: EventPlace): boolean {
  return a.xid === b.xid ? a.id > b.id : a.xid > b.xid;
}

/** At most `limit` events behind a place, in order. */
export async function readEvents(db: Database, after: EventPlace, limit: number): Promise<PlacedEvent[]> {
  const rows = await db.execute<{
    xid: string;
    id: string;
    at: string;
    code: string;
    from_state: OperationState | null;
    state: OperationState;
    site: string;
  }>(sql`
    select e.xid::text, e.id, e.at, e.code, e.from_state, e.state, e.site from operation_events e
    where (e.xid, e.id) > (${String(after.xid)}::xid8, ${after.id}::bigint)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by e.xid, e.id limit ${limit}`);
  return rows.map(({ xid, id, at, code, from_state: from, state, site }) => ({
    xid: BigInt(xid),
    id: Number(id),
    event: { code: Number(code), from, state, site, at: new Date(at).toISOString() },
  }));
}

/** The place behind all events of transactions that are over, and before those of all others. */
export async function presentPlace(db: Database): Promise<EventPlace> {
  const [row] = await db.execute<{ xid: string }>(sql`select pg_snapshot_xmin(pg_current_snapshot())::text as xid`);
  return { xid: BigInt(row?.xid ?? 0), id: 0 };
}

/** Whether all events behind a place are still kept, and it is a place of this database at all. */
export async function isKept(db: Database, { xid, id }: EventPlace): Promise<boolean> {
  const [row] = await db.execute<{ kept: boolean }>(sql`
    select (${String(xid)}::xid8, ${id}::bigint) >= (trimmed_xid, trimmed_id)
      and ${String(xid)}::xid8 <= pg_snapshot_xmax(pg_current_snapshot()) as kept
    from operation_events_fold`);
  return row?.kept ?? false;
}
