/** Where in a sorted list matches can lie at all when another time than the sorted one is limited. */
import { type SQL, sql } from "drizzle-orm";
import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import { codeOfRequest } from "./code-of-request.ts";
import type { Sorting } from "./sorting.ts";

export interface Region {
  /** Conditions that hold the part of the list worth walking. */
  readonly within: readonly SQL[];
  /** Conditions of all that may match outside of it: rare, and found by indexes of their own. */
  readonly strays: readonly (readonly SQL[])[];
}

const EVERYWHERE: Region = { within: [], strays: [] };
/** Executed before it is due: only what waits for another attempt. Or never executed. */
const EARLY = sql`(o.executed_at is null or o.executed_at < o.due_at)`;
/** What was requested more than a day before it is due. */
const PLANNED = sql`o.due_at - o.requested_at > interval '1 day'`;
/** What had to wait for more than a day. */
const LATE = sql`o.executed_at - o.due_at > interval '1 day'`;
const DAY = sql`interval '24 hours'`;

/**
 * Operations are requested, due and executed in this order, mostly within a day. So a limit on one time limits the
 * others, but for strays. Without that, a walk from one end of the list would read everything up to the limit.
 */
export async function regionOf(db: Database | Transaction, filter: OperationFilter, sorting: Sorting): Promise<Region> {
  switch (sorting.name) {
    case "code":
      return sorting.descending ? requestedBefore(db, filter) : requestedSince(db, filter);
    case "scheduled":
      return sorting.descending ? dueBefore(filter) : dueSince(filter);
    case "executed":
      return sorting.descending ? executedBefore(filter) : executedSince(filter);
  }
}

/** What is due or executed before a moment was requested before it. */
async function requestedBefore(
  db: Database | Transaction,
  { scheduledTo, executedTo }: OperationFilter,
): Promise<Region> {
  const ends = [scheduledTo, executedTo].filter((end) => end !== undefined);
  if (ends.length === 0) return EVERYWHERE;
  const bound = await codeOfRequest(db, new Date(Math.min(...ends.map(Number))));
  return bound === undefined ? EVERYWHERE : { within: [sql`o.code < ${bound}::bigint`], strays: [] };
}

/** Room for a day of planning, a day of waiting, and twice the slack of codes. */
const LEAD_MS = 52 * 3_600_000;

/** What is due or executed after a moment was mostly requested not long before it. */
async function requestedSince(
  db: Database | Transaction,
  { scheduledFrom, executedFrom }: OperationFilter,
): Promise<Region> {
  const start = scheduledFrom ?? executedFrom;
  if (!start) return EVERYWHERE;
  const bound = await codeOfRequest(db, new Date(start.getTime() - LEAD_MS));
  if (bound === undefined) return EVERYWHERE;
  const before = sql`o.code < ${bound}::bigint`;
  const planned = [PLANNED, sql`o.due_at >= ${instant(start)} - ${DAY}`, before];
  const late = [LATE, sql`o.executed_at >= ${instant(start)}`, before];
  return { within: [sql`o.code >= ${bound}::bigint`], strays: scheduledFrom ? [planned] : [planned, late] };
}

function dueBefore({ executedTo }: OperationFilter): Region {
  if (!executedTo) return EVERYWHERE;
  const end = instant(executedTo);
  return { within: [sql`o.due_at < ${end}`], strays: [[EARLY, sql`o.due_at >= ${end}`, sql`o.executed_at < ${end}`]] };
}

function dueSince({ executedFrom }: OperationFilter): Region {
  if (!executedFrom) return EVERYWHERE;
  const start = instant(executedFrom);
  return {
    within: [sql`o.due_at >= ${start} - ${DAY}`],
    strays: [[LATE, sql`o.executed_at >= ${start}`, sql`o.due_at < ${start} - ${DAY}`]],
  };
}

function executedBefore({ scheduledTo }: OperationFilter): Region {
  if (!scheduledTo) return EVERYWHERE;
  const end = instant(scheduledTo);
  const key = sql`coalesce(o.executed_at, '-infinity'::timestamptz)`;
  return {
    within: [sql`${key} < ${end} + ${DAY}`],
    strays: [[LATE, sql`o.executed_at >= ${end} + ${DAY}`, sql`o.due_at < ${end}`]],
  };
}

function executedSince({ scheduledFrom }: OperationFilter): Region {
  if (!scheduledFrom) return EVERYWHERE;
  const start = instant(scheduledFrom);
  const key = sql`coalesce(o.executed_at, '-infinity'::timestamptz)`;
  return { within: [sql`${key} >= ${start}`], strays: [[EARLY, sql`o.due_at >= ${start}`, sql`${key} < ${start}`]] };
}

function instant(moment: Date): SQL {
  return sql`${moment.toISOString()}::timestamptz`;
}
