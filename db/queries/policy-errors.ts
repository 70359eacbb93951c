/** Equal errors in a row: a policy whose changes all fail the same way is stopped before it locks every account out. */
import { and, eq, sql } from "drizzle-orm";
import { type ErrorCode, ERRORS } from "../../contracts/errors.ts";
import type { Transaction } from "../client.ts";
import { outbox, policyStates } from "../schema/index.ts";
import { auditObject, WORKER } from "./audit.ts";

/**
 * Counts an operation of the policy that ended in an error. At the limit the policy is paused, with an audit row and an
 * outbox event as alarm.
 * @param failed.limit so many equal errors in a row pause it
 */
export async function countPolicyError(
  tx: Transaction,
  failed: { policyId: string; code: ErrorCode; limit: number },
): Promise<void> {
  const { policyId, code, limit } = failed;
  const [state] = await tx
    .insert(policyStates)
    .values({ policyId, errorCode: code, errorsInARow: 1 })
    .onConflictDoUpdate({
      target: policyStates.policyId,
      set: {
        errorCode: code,
        errorsInARow: sql`case when ${policyStates.errorCode} = ${code} then ${policyStates.errorsInARow} + 1 else 1 end`,
      },
    })
    .returning({ errors: policyStates.errorsInARow, paused: policyStates.paused });
  if (!state || state.paused || state.errors < limit) return;
  const reason = `${state.errors} changes in a row ended with ${code}: ${ERRORS[code].title}`;
  await tx
    .update(policyStates)
    .set({ paused: true, pausedReason: reason, pausedAt: sql`now()` })
    .where(eq(policyStates.policyId, policyId));
  const details = { reason, outcome: code };
  await auditObject(tx, WORKER, { action: "policy.paused", objectType: "policy", objectId: policyId, details });
  await tx.insert(outbox).values({ event: "policy.paused", payload: { policyId, outcome: code } });
}

/** A change of the policy succeeded: the row of errors is over. Writes nothing when there was none. */
export async function clearPolicyErrors(tx: Transaction, policyId: string): Promise<void> {
  await tx
    .update(policyStates)
    .set({ errorsInARow: 0, errorCode: null })
    .where(and(eq(policyStates.policyId, policyId), sql`${policyStates.errorsInARow} > 0`));
}
