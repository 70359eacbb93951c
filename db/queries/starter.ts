/** Rows whose run has no workflow yet: claimed by one worker each, in queue order. */
import { inArray, sql } from "drizzle-orm";
import type { Priority } from "../../contracts/states.ts";
import type { Database } from "../client.ts";
import { operations } from "../schema/index.ts";

/** Channel on which a transaction that made such rows notifies. */
export const STARTED_CHANNEL = "keyturn_started";

export interface Startable {
  readonly code: number;
  readonly run: number;
  readonly site: string;
  readonly dueAt: Date;
  readonly priority: Priority;
}

const STARTABLE = {
  code: operations.code,
  run: operations.run,
  site: operations.site,
  dueAt: operations.dueAt,
  priority: operations.priority,
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
