/** Stage of a candidate that a probe wants sent once more: under the device's limits, as any change that begins. */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import { withLimits } from "../../contracts/policy.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, operations } from "../schema/index.ts";
import { freePermits, passPermitOn } from "./permits.ts";
import { mayApplyAgain, readDoubt } from "./probe.ts";
import { type OperationRow, readHindrances } from "./stage-facts.ts";
import type { StagedAttempt } from "./stage-result.ts";
import { deviceHindrance, type Wait } from "./stage-waits.ts";

export type AppliedAgain =
  | { readonly kind: "staged"; readonly attempt: StagedAttempt }
  /** The row goes on running and waits: for a permit, for the device, or for a log-in. */
  | ({ readonly kind: "parked"; readonly wake: OperationRef[] } & Wait)
  /** Somebody else has the attempt, or it may not be sent any more. */
  | { readonly kind: "lost" };

/**
 * Takes a permit for an attempt that a probe holds under this epoch, or says what it has to wait for.
 * @param request.changeMs how long the change may take before the repair sweep looks after it. Milliseconds
 */
export async function takeAgain(
  db: Database,
  request: { code: number; epoch: number; settings: Settings; changeMs: number },
): Promise<AppliedAgain> {
  const { code, epoch, changeMs } = request;
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, code)).for("update");
    const held = and(eq(attempts.operationCode, code), eq(attempts.epoch, epoch), isNull(attempts.endedAt));
    const [open] = await tx.select().from(attempts).where(held);
    if (operation?.state !== "running" || !open) return { kind: "lost" };
    const attempt = await readDoubt(tx, { operation, attempt: open, settleMs: () => 0 });
    const { parties } = attempt;
    if (!mayApplyAgain(operation, parties)) return { kind: "lost" };
    const permits = await freePermits(tx, operation.deviceId, code);
    const settings = withLimits(request.settings, parties.policy?.limits);
    // Looks at the account have used its own budget; what is sent now is proven within the unit kept for probes.
    const sender = { ...parties, account: parties.authenticatorAccount };
    const wait = deviceHindrance({ hindrances: await readHindrances(tx, operation, sender, settings), permits });
    if (wait) return waitFor(tx, operation, { wait, authenticatorId: parties.authenticator.id });
    await tx.update(attempts).set({ permit: true }).where(held);
    const wakeAt = sql`now() + make_interval(secs => ${changeMs / 1000})`;
    await tx
      .update(operations)
      .set({ waitingFor: null, permitGrantedAt: null, wakeAt })
      .where(eq(operations.code, code));
    return { kind: "staged", attempt };
  });
}

async function waitFor(
  tx: Transaction,
  operation: OperationRow,
  { wait, authenticatorId }: { wait: Wait; authenticatorId: string },
): Promise<AppliedAgain> {
  const { waitingFor, recheckAt } = wait;
  await tx
    .update(operations)
    .set({ waitingFor, authenticatorId, permitGrantedAt: null, wakeAt: recheckAt })
    .where(eq(operations.code, operation.code));
  return { kind: "parked", ...wait, wake: await passPermitOn(tx, operation) };
}
