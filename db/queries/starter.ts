/** Rows whose run has no workflow yet: claimed by one worker each, in queue order. */
import { inArray, sql } from "drizzle-orm";
import type { Limits } from "../../contracts/policy.ts";
import type { OperationKind, Priority } from "../../contracts/states.ts";
import type { Database } from "../client.ts";
import { operations } from "../schema/index.ts";

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
 * Claims up to `limit` rows. A worker that dies after the claim leaves rows without a workflow; the repair sweep
 * finds them by `wake_at`.
 */
export async function claimStartable(db: Database, limit: number): Promise<Startable[]> {
  const next = db
    .select({ code: operations.code })
    .from(operations)
    .where(
      sql`${operations.startedRun} < ${operations.run} and ${operations.state} in ('scheduled', 'awaiting-approval', 'running')`,
    )
    .orderBy(operations.code)
    .limit(limit)
    .for("update", { skipLocked: true });
  return db
    .update(operations)
    .set({ startedRun: operations.run })
    .where(inArray(operations.code, next))
    .returning(STARTABLE);
}

/** Gives claimed rows back that could not be started. */
export async function unclaim(db: Database, codes: readonly number[]): Promise<void> {
  if (codes.length === 0) return;
  await db
    .update(operations)
    .set({ startedRun: sql`${operations.run} - 1` })
    .where(inArray(operations.code, [...codes]));
}
