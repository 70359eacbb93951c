/** Rows whose run has no workflow yet: claimed by one worker each, in queue order. */
import { inArray, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { Limits } from "../../contracts/policy.ts";
import type { OperationKind, Priority } from "../../contracts/states.ts";
import type { Database } from "../client.ts";
import { operations } from "../schema/index.ts";
import { textArray } from "./eligibility.ts";

/** Channel on which a transaction that made such rows notifies. */
export const STARTED_CHANNEL = "keyturn_started";

/** What a run's workflow is started with. */
export interface Startable {
  readonly code: number;
  readonly run: number;
  readonly kind: OperationKind;
  readonly site: string;
  readonly dueAt: Date;
  readonly priority: Priority;
  /** Null unless the operation is to be approved. */
  readonly approvalExpiresAt: Date | null;
  /** What its policy sets for itself. */
  readonly limits: Limits | null;
}

export const STARTABLE = {
  code: operations.code,
  run: operations.run,
  kind: operations.kind,
  site: operations.site,
  dueAt: operations.dueAt,
  priority: operations.priority,
  approvalExpiresAt: sql<Date | null>`case when ${operations.state} = 'awaiting-approval'
    then ${operations.approvalExpiresAt} end`.mapWith(operations.approvalExpiresAt),
  limits: sql<Limits | null>`(select p.limits from policies p where p.id = ${operations.policyId})`,
};

/**
 * Claims up to `limit` rows, run-now first. Rows stay unclaimed while enough of their site stand in its queue: the queue
 * is here, where run-now and cancel reach it, and not in Temporal. A worker that dies after the claim leaves rows
 * without a workflow; the repair sweep finds them by `wake_at`.
 * @param fullSites sites whose due rows wait, except those that are to run now
 */
export async function claimStartable(
  db: Database,
  limit: number,
  fullSites: readonly string[] = [],
): Promise<Startable[]> {
  const next = db
    .select({ code: operations.code })
    .from(operations)
    .where(
      sql`${operations.startedRun} < ${operations.run} and ${operations.wakeAt} is not null
        and (${operations.site} <> all(${textArray(fullSites)}) or ${operations.priority} = 1
          or ${operations.state} <> 'scheduled' or ${operations.dueAt} > now())`,
    )
    .orderBy(operations.priority, operations.code)
    .limit(limit)
    .for("update", { skipLocked: true });
  return db
    .update(operations)
    .set({ startedRun: operations.run })
    .where(inArray(operations.code, next))
    .returning(STARTABLE);
}

/** Which of these rows still stand in their sites' queues. */
export async function readQueued(db: Database, codes: readonly number[]): Promise<number[]> {
  if (codes.length === 0) return [];
  const rows = await db
    .select({ code: operations.code })
    .from(operations)
    .where(
      sql`${operations.code} = any(${`{${codes.join(",")}}`}::bigint[]) and ${operations.state} = 'scheduled'
        and ${operations.waitingFor} in ('queue', 'worker') and ${operations.dueAt} <= now()`,
    );
  return rows.map(({ code }) => code);
}

/** A run whose row changed between its claim and its start. */
export interface Overtaken extends OperationRef {
  /** Whether it was put at the head of the queue. */
  readonly hurried: boolean;
}

/**
 * Rows that were approved, hurried or ended after their claim. Whoever did it has told a workflow that was not there
 * yet; what happens from now on is told to one that is.
 */
export async function readOvertaken(db: Database, claimed: readonly Startable[]): Promise<Overtaken[]> {
  const items = claimed.map(({ code, run, dueAt, priority, approvalExpiresAt }) => {
    return { code, run, due: dueAt.toISOString(), priority, waits: approvalExpiresAt !== null };
  });
  const rows = await db.execute<{ code: string; run: number; hurried: boolean }>(sql`
    select o.code, o.run, o.priority < w.priority as hurried
    from jsonb_to_recordset(${JSON.stringify(items)}::jsonb)
      as w(code bigint, run int, due timestamptz, priority smallint, waits boolean)
    join operations o on o.code = w.code and o.run = w.run
    where (w.waits and o.state <> 'awaiting-approval') or o.state in ('canceled', 'expired')
      or (o.state = 'scheduled' and (o.priority <> w.priority or date_trunc('milliseconds', o.due_at) < w.due))`);
  return rows.map(({ code, ...row }) => ({ ...row, code: Number(code) }));
}

/** Gives claimed rows back that could not be started. */
export async function unclaim(db: Database, codes: readonly number[]): Promise<void> {
  if (codes.length === 0) return;
  await db
    .update(operations)
    .set({ startedRun: sql`${operations.run} - 1` })
    .where(inArray(operations.code, [...codes]));
}
