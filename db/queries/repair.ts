/** What the repair sweep reads and writes: open rows that did not move when they should have. */
import { and, eq, sql } from "drizzle-orm";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { Database } from "../client.ts";
import { operations } from "../schema/index.ts";
import { auditOperation, WORKER } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import { followFailure } from "./follow-failure.ts";
import { type Startable, STARTABLE } from "./starter.ts";

/** How late a row may be before the sweep looks at it. */
const GRACE = sql`interval '2 minutes'`;

/** Where a page of overdue rows begins; the database's clock as text, for its microseconds count. */
export interface OverdueMark {
  readonly code: number;
  readonly wakeAt: string;
}

export interface Overdue extends Startable, OverdueMark {
  /** Whether no worker has taken it up yet: its place in the queue has not come. */
  readonly unclaimed: boolean;
}

/**
 * Open rows behind their time, oldest first.
 * @param after the row that a page begins behind; absent for the first
 */
export async function readOverdue(db: Database, limit: number, after?: OverdueMark): Promise<Overdue[]> {
  return db
    .select({
      ...STARTABLE,
      unclaimed: sql<boolean>`${operations.startedRun} < ${operations.run}`,
      wakeAt: sql<string>`${operations.wakeAt}::text`,
    })
    .from(operations)
    .where(
      and(
        sql`${operations.wakeAt} < now() - ${GRACE}`,
        after && sql`(${operations.wakeAt}, ${operations.code}) > (${after.wakeAt}::timestamptz, ${after.code})`,
      ),
    )
    .orderBy(operations.wakeAt, operations.code)
    .limit(limit);
}

/**
 * Takes a row to mend it and puts off the next look, before it is mended: who dies in between leaves it to that look.
 * @returns false when it has moved since it was read, by itself or by another pass
 */
export async function claimMend(
  db: Database,
  { code, wakeAt }: OverdueMark,
  mend: "started" | "signalled",
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [claimed] = await tx
      .update(operations)
      .set({ wakeAt: sql`now()`, ...(mend === "started" ? { startedRun: operations.run } : {}) })
      .where(and(eq(operations.code, code), sql`${operations.wakeAt} = ${wakeAt}::timestamptz`))
      .returning({ code: operations.code });
    if (claimed) await auditOperation(tx, WORKER, { code, action: `repair.${mend}` });
    return claimed !== undefined;
  });
}

/** How long a row that stands in its queue is left alone. */
const QUEUE_LOOK = sql`interval '3 minutes'`;

/** The row stands in its site's queue, with or without a worker that serves it. */
export async function noteQueued(db: Database, code: number, waitingFor: "queue" | "worker"): Promise<void> {
  await db
    .update(operations)
    .set({
      waitingFor,
      wakeAt: sql`now() + ${QUEUE_LOOK}`,
      // What was held back on purpose begins to miss a worker only now.
      dueAt: sql`case when ${operations.waitingFor} in ('pause', 'window')
        then greatest(${operations.dueAt}, now()) else ${operations.dueAt} end`,
    })
    .where(and(eq(operations.code, code), eq(operations.state, "scheduled"), sql`${operations.wakeAt} is not null`));
}

/** Operations that succeeded a while ago and whose credentials' children have not all got theirs. */
export async function readUnchained(db: Database, limit: number): Promise<number[]> {
  const rows = await db
    .select({ code: operations.code })
    .from(operations)
    .where(sql`${operations.childrenPending} and ${operations.endedAt} < now() - ${GRACE}`)
    .orderBy(operations.endedAt)
    .limit(limit);
  return rows.map(({ code }) => code);
}

export async function noteChained(db: Database, code: number): Promise<void> {
  await auditOperation(db, WORKER, { code, action: "repair.chained" });
}

/** The run's workflow ended and the row is still open: a new run adopts it. Returns the run to start. */
export async function reviveRun(db: Database, row: { code: number; run: number }): Promise<number | undefined> {
  return db.transaction(async (tx) => {
    const [revived] = await tx
      .update(operations)
      .set({ run: row.run + 1, startedRun: row.run + 1, wakeAt: sql`now()` })
      .where(and(eq(operations.code, row.code), eq(operations.run, row.run), sql`${operations.wakeAt} is not null`))
      .returning({ run: operations.run });
    if (revived)
      await auditOperation(tx, WORKER, { code: row.code, action: "repair.revived", details: { run: revived.run } });
    return revived?.run;
  });
}

/** scheduled → error for a row that was due `noWorkerHours` ago and that no worker took. */
export async function expireUntaken(db: Database, code: number, settings: Settings): Promise<boolean> {
  return db.transaction(async (tx) => {
    // By the database's clock: a worker's own that is a day ahead would end all that waits.
    const isLate = sql<boolean>`${operations.dueAt} < now() - make_interval(hours => ${settings.noWorkerHours})`;
    const [found] = await tx
      .select({ row: operations, isLate })
      .from(operations)
      .where(eq(operations.code, code))
      .for("update");
    const row = found?.row;
    // Nobody misses a worker for what is held back on purpose, and a removal is never given up.
    const held = row?.waitingFor === "pause" || row?.waitingFor === "window";
    const isForever = row?.kind === "ephemeral-credential-removal";
    if (row?.state !== "scheduled" || held || isForever || !found?.isLate) return false;
    const outcome = "queue.no-worker";
    await endOperation(tx, { code, state: "error", outcome });
    await followFailure(tx, row, { reason: outcome, settings });
    return true;
  });
}
