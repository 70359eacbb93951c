import { and, eq, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, credentials, devices, operations, secretVersions } from "../schema/index.ts";
import { type AttemptClaim, type AttemptRecord, demote, endAttempt, mine } from "./attempt.ts";
import { endOperation } from "./end-operation.ts";
import { type Reserved, returnLogin } from "./login-budget.ts";
import { afterSuccess } from "./next-change.ts";
import { wakeNext } from "./permits.ts";
import { clearPolicyErrors } from "./policy-errors.ts";

export interface Promotion {
  readonly promoted: boolean;
  /** Whether the credential's children are to follow. */
  readonly children: boolean;
  readonly wake: OperationRef[];
}

export interface Proof {
  readonly record: AttemptRecord;
  readonly reserved?: Reserved;
  readonly beforeCommit?: () => Promise<void>;
}

/**
 * Promote: the candidate becomes current and the operation succeeds, in one transaction. Repeating it is success.
 * @param proof.reserved the log-in that proved the candidate: returned with it
 * @param proof.beforeCommit runs inside the transaction, last; only tests give one
 */
export async function promote(
  db: Database,
  claim: AttemptClaim,
  { record, reserved, beforeCommit }: Proof,
): Promise<Promotion> {
  return db.transaction(async (tx) => {
    const [[operation], [attempt]] = await Promise.all([
      tx
        .select({
          state: operations.state,
          policyId: operations.policyId,
          children: sql<boolean>`exists (select 1 from credentials c
            where c.parent_credential_id = ${operations.credentialId} and c.active)`,
        })
        .from(operations)
        .where(eq(operations.code, claim.code))
        .for("update"),
      tx
        .select({
          secretVersionId: attempts.secretVersionId,
          credentialId: attempts.credentialId,
          deviceId: attempts.deviceId,
        })
        .from(attempts)
        .where(mine(claim)),
    ]);
    if (!operation || !attempt?.secretVersionId || operation.state !== "running") {
      if (reserved) await returnLogin(tx, reserved, "accepted");
      return { ...(await alreadyPromoted(tx, claim)), wake: [] };
    }
    const { credentialId, secretVersionId } = attempt;
    const { policyId, children } = operation;
    // One batch, carried out in this order, and one failure when the connection dies in it.
    const [, wake] = await Promise.all([
      Promise.all([
        demote(tx, credentialId),
        makeCurrent(tx, secretVersionId),
        resetCredential(tx, credentialId),
        endAttempt(tx, claim, { record, outcome: "change.succeeded" }),
        endOperation(tx, {
          code: claim.code,
          state: "succeeded",
          childrenPending: children,
          details: { attempt: claim.number, version: secretVersionId },
        }),
        tx
          .update(devices)
          .set({ transportFailures: 0, breakerUntil: null })
          .where(and(eq(devices.id, attempt.deviceId), sql`${devices.transportFailures} > 0`)),
        reserved && returnLogin(tx, reserved, "accepted"),
      ]),
      wakeNext(tx, { deviceId: attempt.deviceId, credentialId }),
      // Locks in the order of all: operation, credential, device, policy.
      policyId && clearPolicyErrors(tx, policyId),
    ]);
    await beforeCommit?.();
    return { promoted: true, children, wake };
  });
}

async function makeCurrent(tx: Transaction, versionId: string): Promise<void> {
  await tx
    .update(secretVersions)
    .set({ status: "current", promotedAt: sql`now()`, purgeAfter: null })
    .where(eq(secretVersions.id, versionId));
}

/** A new password begins its age; nothing that was found out about the one before holds any more. */
async function resetCredential(tx: Transaction, credentialId: string): Promise<void> {
  const { lastCheck, lastCheckSince } = credentials;
  await tx
    .update(credentials)
    .set({
      ...afterSuccess(),
      attention: null,
      attentionSince: null,
      lastCheck: "accepted",
      lastCheckCode: "verify.accepted",
      lastCheckAt: sql`now()`,
      lastCheckSince: sql`case when ${lastCheck} = 'accepted' then ${lastCheckSince} else now() end`,
    })
    .where(eq(credentials.id, credentialId));
}

async function alreadyPromoted(tx: Transaction, claim: AttemptClaim) {
  const [attempt] = await tx
    .select({ outcome: attempts.outcome, children: operations.childrenPending })
    .from(attempts)
    .innerJoin(operations, eq(operations.code, attempts.operationCode))
    .where(and(eq(attempts.operationCode, claim.code), eq(attempts.number, claim.number)));
  return { promoted: attempt?.outcome === "change.succeeded", children: attempt?.children ?? false };
}
