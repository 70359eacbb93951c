/**
 * Cuts a sorted list to the parts in which matches can lie when another time than the sorted one is limited.
 *
 * Operations are requested, due and executed in this order, mostly within a day. So a limit on one time limits the
 * others, but for strays, which are few and have indexes of their own. Without that, a walk would read everything
 * between an end of the list and the limit.
 */
import { type SQL, sql } from "drizzle-orm";
import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import { codeOfRequest } from "./code-of-request.ts";
import { EXECUTED, type Sorting } from "./sorting.ts";

/** A part of the list: conditions of what is walked there; or strays are all there is, of one kind or of several. */
export type Segment = { readonly walk: readonly SQL[] } | { readonly strays: readonly (readonly SQL[])[] };

/** Requested more than a day before it is due. */
const PLANNED = sql`o.due_at - o.requested_at > interval '1 day'`;
/** Executed before it is due: what waits for another attempt. */
const EARLY = sql`o.executed_at < o.due_at`;
/** What had to wait for more than a day. */
const LATE = sql`o.executed_at - o.due_at > interval '1 day'`;
const DAY = sql`interval '24 hours'`;
const NEVER = sql`${EXECUTED} = '-infinity'`;
/** A day of planning, a day of waiting, and twice the slack of codes. */
const LEAD_MS = 52 * 3_600_000;

/** All segments in the order of the sort. */
export async function segmentsOf(
  db: Database | Transaction,
  filter: OperationFilter,
  { name, descending }: Sorting,
): Promise<Segment[]> {
  const ascending = await SEGMENTS[name](db, filter);
  return descending ? ascending.toReversed() : ascending;
}

const SEGMENTS = { code: byCode, scheduled: byDueTime, executed: byExecution };

async function byCode(db: Database | Transaction, filter: OperationFilter): Promise<Segment[]> {
  const { scheduledFrom, executedFrom } = filter;
  const [low, high] = await Promise.all([lowestCode(db, scheduledFrom ?? executedFrom), highestCode(db, filter)]);
  const within = [...(low ? [sql`o.code >= ${low}::bigint`] : []), ...(high ? [sql`o.code < ${high}::bigint`] : [])];
  if (!low) return [{ walk: within }];
  const before = sql`o.code < ${low}::bigint`;
  const start = instant(scheduledFrom ?? executedFrom ?? new Date(0));
  const planned = [PLANNED, sql`o.due_at >= ${start} - ${DAY}`, before];
  const late = [LATE, sql`o.executed_at >= ${start}`, before];
  const strays = scheduledFrom ? [planned] : [planned, late];
  return [{ strays }, { walk: within }];
}

/** What is due or executed from a moment on was requested after this code, but for strays. */
async function lowestCode(db: Database | Transaction, start: Date | undefined): Promise<number | undefined> {
  return start && codeOfRequest(db, new Date(start.getTime() - LEAD_MS));
}

/** What is due or executed before a moment was requested before this code. */
async function highestCode(
  db: Database | Transaction,
  { scheduledTo, executedTo }: OperationFilter,
): Promise<number | undefined> {
  const ends = [scheduledTo, executedTo].filter((end) => end !== undefined);
  return ends.length === 0 ? undefined : codeOfRequest(db, new Date(Math.min(...ends.map(Number))));
}

async function byDueTime(_db: unknown, { executedFrom, executedTo }: OperationFilter): Promise<Segment[]> {
  const segments: Segment[] = [];
  const within: SQL[] = [];
  if (executedFrom) {
    const start = instant(executedFrom);
    segments.push({ strays: [[LATE, sql`o.executed_at >= ${start}`, sql`o.due_at < ${start} - ${DAY}`]] });
    within.push(sql`o.due_at >= ${start} - ${DAY}`);
  }
  segments.push({ walk: within });
  if (executedTo) {
    const end = instant(executedTo);
    segments.push({ strays: [[EARLY, sql`o.due_at >= ${end}`, sql`o.executed_at < ${end}`]] });
    within.push(sql`o.due_at < ${end}`);
  }
  return segments;
}

async function byExecution(db: Database | Transaction, filter: OperationFilter): Promise<Segment[]> {
  const { scheduledFrom, scheduledTo, executedFrom, executedTo } = filter;
  const segments: Segment[] = [];
  const within: SQL[] = [];
  if (scheduledFrom) {
    // What was never executed comes first and is sorted by code.
    if (!executedFrom && !executedTo)
      for (const segment of await byCode(db, { scheduledFrom, scheduledTo }))
        segments.push(
          "walk" in segment
            ? { walk: [NEVER, ...segment.walk] }
            : { strays: segment.strays.map((kind) => [NEVER, ...kind]) },
        );
    const start = instant(scheduledFrom);
    segments.push({ strays: [[EARLY, sql`o.due_at >= ${start}`, sql`o.executed_at < ${start}`]] });
    within.push(sql`${EXECUTED} >= ${start}`);
  }
  segments.push({ walk: within });
  if (scheduledTo) {
    const end = instant(scheduledTo);
    segments.push({ strays: [[LATE, sql`o.executed_at >= ${end} + ${DAY}`, sql`o.due_at < ${end}`]] });
    within.push(sql`${EXECUTED} < ${end} + ${DAY}`);
  }
  return segments;
}

function instant(moment: Date): SQL {
  return sql`${moment.toISOString()}::timestamptz`;
}
