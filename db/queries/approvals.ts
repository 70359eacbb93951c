/** The clock of an approval: asking again when what was approved changed, and expiry. */
import { eq, sql } from "drizzle-orm";
import type { ExpireResult, OperationRef } from "../../contracts/messages.ts";
import { isOpen } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { operations } from "../schema/index.ts";
import { auditOperation, WORKER } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import type { OperationRow } from "./stage-facts.ts";

/**
 * scheduled or awaiting-approval → awaiting-approval, in a new round: what was to be approved has changed, so earlier
 * decisions do not hold any more. The transaction holds the row.
 * @param digest of what would be done now
 * @returns until when it may be approved
 */
export async function askAgain(
  tx: Transaction,
  operation: Pick<OperationRow, "code" | "approval" | "approvalRound">,
  digest: string,
): Promise<Date> {
  const { code, approval } = operation;
  if (!approval) throw new Error("an operation that needs no approval was to be approved again");
  const round = operation.approvalRound + 1;
  const expiresAt = sql`now() + make_interval(mins => ${approval.expiresMinutes})`;
  const [[asked]] = await Promise.all([
    tx
      .update(operations)
      .set({
        state: "awaiting-approval",
        approvalRound: round,
        approvalDigest: digest,
        approvalExpiresAt: expiresAt,
        wakeAt: expiresAt,
        waitingFor: null,
        permitGrantedAt: null,
      })
      .where(eq(operations.code, code))
      .returning({ expiresAt: operations.approvalExpiresAt }),
    auditOperation(tx, WORKER, { code, action: "operation.awaiting-approval", details: { round } }),
  ]);
  if (!asked?.expiresAt) throw new Error("the operation's row is gone");
  return asked.expiresAt;
}

/**
 * awaiting-approval → expired, when its time is over by the database's clock; else says what became of it.
 * Repeating it gives the same answer.
 */
export async function expireOperation(db: Database | Transaction, ref: OperationRef): Promise<ExpireResult> {
  return db.transaction(async (tx) => {
    const [row] = await tx.select().from(operations).where(eq(operations.code, ref.code)).for("update");
    if (!row) throw new Error("the operation's row is gone");
    if (row.run !== ref.run || !isOpen(row.state)) return { kind: "ended", state: row.state };
    if (row.state !== "awaiting-approval") return { kind: "approved", dueAt: row.dueAt.getTime() };
    if (!row.approvalExpiresAt) throw new Error("an operation waits for an approval without end");
    // Read under the lock: `now()` is the moment before the wait for it.
    const [clock] = await tx.execute<{ over: boolean }>(
      sql`select approval_expires_at <= clock_timestamp() as over from operations where code = ${ref.code}`,
    );
    if (!clock?.over) return { kind: "awaiting-approval", expiresAt: row.approvalExpiresAt.getTime() };
    await endOperation(tx, { code: ref.code, state: "expired", outcome: "approval.expired" });
    return { kind: "ended", state: "expired" };
  });
}
