/** What the repair sweep reads and writes: open rows that did not move when they should have. */
import { and, eq, sql } from "drizzle-orm";
import type { Database } from "../client.ts";
import { operations } from "../schema/index.ts";
import { auditOperation, WORKER } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import type { OperationRow } from "./stage-facts.ts";

/** How late a row may be before the sweep looks at it. */
const GRACE = sql`interval '2 minutes'`;

/** Open rows behind their time, oldest first. */
export async function readOverdue(db: Database, limit: number): Promise<OperationRow[]> {
  return db
    .select()
    .from(operations)
    .where(sql`${operations.wakeAt} < now() - ${GRACE}`)
    .orderBy(operations.wakeAt)
    .limit(limit);
}

/** Puts off the next look at a row that was mended, and keeps what was done. */
export async function noteMended(db: Database, code: number, mend: "started" | "signalled"): Promise<void> {
  await db.transaction(async (tx) => {
    await tx
      .update(operations)
      .set({ wakeAt: sql`now()`, ...(mend === "started" ? { startedRun: operations.run } : {}) })
      .where(and(eq(operations.code, code), sql`${operations.wakeAt} is not null`));
    await auditOperation(tx, WORKER, { code, action: `repair.${mend}` });
  });
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

/** scheduled → error for a row that was due long ago and that no worker took. */
export async function expireUntaken(db: Database, code: number, hours: number): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(operations).where(eq(operations.code, code)).for("update");
    const late = row?.state === "scheduled" && row.dueAt.getTime() < Date.now() - hours * 3_600_000;
    if (!late) return false;
    await endOperation(tx, { code, state: "error", outcome: "queue.no-worker" });
    return true;
  });
}
