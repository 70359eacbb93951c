/** Settle: writes how an attempt ended when it did not succeed, and decides what comes next. */
import { and, eq, isNull, sql } from "drizzle-orm";
import { type ErrorCode, ERRORS } from "../../contracts/errors.ts";
import type { OperationRef, SettleResult } from "../../contracts/messages.ts";
import { type Limits, withLimits } from "../../contracts/policy.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, credentials, operations, policies, secretVersions } from "../schema/index.ts";
import { type AttemptClaim, endAttempt } from "./attempt.ts";
import { auditOperation, WORKER } from "./audit.ts";
import { noteReach } from "./breaker.ts";
import { endOperation } from "./end-operation.ts";
import { followFailure } from "./follow-failure.ts";
import { wakeNext } from "./permits.ts";
import type { OperationRow } from "./stage-facts.ts";

/** New candidates after refusals within one run. */
const MAX_REFUSALS = 3;

export interface Settlement {
  readonly result: SettleResult;
  readonly wake: OperationRef[];
}

/**
 * Ends the attempt that holds the epoch and moves the operation on: to another attempt, or to error.
 * `change.unverified` keeps the candidate as doubtful; any other reason says it is dead, and discards it.
 * Repeating it gives the same answer.
 */
export async function settle(
  db: Database,
  request: { code: number; run: number; epoch: number; reason: ErrorCode; settings: Settings },
): Promise<Settlement> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, request.code)).for("update");
    if (!operation) throw new Error("the operation's row is gone");
    const [attempt] = await tx
      .select()
      .from(attempts)
      .where(
        and(eq(attempts.operationCode, request.code), eq(attempts.epoch, request.epoch), isNull(attempts.endedAt)),
      );
    if (operation.run !== request.run || operation.state !== "running" || !attempt)
      return { result: present(operation), wake: [] };
    const claim: AttemptClaim = { code: request.code, number: attempt.number, epoch: request.epoch };
    await endAttempt(tx, claim, { outcome: request.reason });
    if (request.reason === "change.unverified") await keepInDoubt(tx, operation.credentialId, attempt.secretVersionId);
    else await discard(tx, operation.credentialId, attempt.secretVersionId);
    const settings = withLimits(request.settings, await readLimits(tx, operation.policyId));
    const next = decide(operation, request.reason, settings);
    if (next) await again(tx, operation, { ...next, reason: request.reason });
    else
      await endOperation(tx, {
        code: operation.code,
        state: "error",
        outcome: request.reason,
        details: { attempt: attempt.number },
      });
    // Locks in the order of all: operation, credential, device, policy.
    await noteReach(tx, attempt.deviceId, { reason: request.reason, breakerSeconds: settings.breakerSeconds });
    if (!next) await followFailure(tx, operation, { reason: request.reason, settings });
    const wake = await wakeNext(tx, { deviceId: attempt.deviceId, credentialId: attempt.credentialId });
    const [after] = await tx.select().from(operations).where(eq(operations.code, operation.code));
    return { result: present(after ?? operation), wake };
  });
}

async function readLimits(tx: Transaction, policyId: string | null): Promise<Limits | undefined> {
  if (policyId === null) return undefined;
  const [policy] = await tx.select({ limits: policies.limits }).from(policies).where(eq(policies.id, policyId));
  return policy?.limits;
}

function present(operation: OperationRow): SettleResult {
  return operation.state === "scheduled"
    ? { kind: "again", dueAt: operation.dueAt.getTime() }
    : { kind: "ended", state: operation.state };
}

interface Next {
  readonly delayMinutes: number;
  /** Whether the attempt counts among those the policy allows. */
  readonly counts: boolean;
  readonly refused: boolean;
}

/** Whether there is another attempt, and when. */
export function decide(
  operation: Pick<OperationRow, "runAttempts" | "refusals" | "kind">,
  reason: ErrorCode,
  settings: Settings,
): Next | undefined {
  if (operation.kind === "ephemeral-credential-removal") return untilProven(operation.runAttempts, settings);
  switch (ERRORS[reason].retry) {
    case "no":
      return undefined;
    case "new-candidate":
      return operation.refusals < MAX_REFUSALS ? { delayMinutes: 0, counts: false, refused: true } : undefined;
    case "later": {
      const waits = reason === "login-budget.used";
      if (!waits && operation.runAttempts >= settings.attempts) return undefined;
      return { delayMinutes: waits ? 1 : settings.intervalMinutes, counts: !waits, refused: false };
    }
  }
}

/** Longest pause between two attempts of a removal. Minutes. */
const LONGEST_PAUSE = 60;

/** Without end: with the usual pauses at first, then with growing ones. */
function untilProven(attempt: number, { attempts: usual, intervalMinutes }: Settings): Next {
  const grown = Math.max(intervalMinutes, 1) * 2 ** Math.min(attempt - usual, 10);
  const delayMinutes = attempt < usual ? intervalMinutes : Math.max(intervalMinutes, Math.min(grown, LONGEST_PAUSE));
  return { delayMinutes, counts: true, refused: false };
}

async function again(tx: Transaction, operation: OperationRow, next: Next & { reason: ErrorCode }): Promise<void> {
  const dueAt = sql`now() + make_interval(mins => ${next.delayMinutes})`;
  await tx
    .update(operations)
    .set({
      state: "scheduled",
      phase: null,
      outcome: next.reason,
      runAttempts: operation.runAttempts - (next.counts ? 0 : 1),
      refusals: operation.refusals + (next.refused ? 1 : 0),
      waitingFor: next.reason === "login-budget.used" ? "login-budget" : next.delayMinutes > 0 ? "time" : "queue",
      dueAt,
      wakeAt: dueAt,
    })
    .where(eq(operations.code, operation.code));
  await auditOperation(tx, WORKER, {
    code: operation.code,
    action: "operation.scheduled",
    details: { outcome: next.reason, delayMinutes: next.delayMinutes },
  });
}

/**
 * A candidate that is dead: what was ever sent keeps its value for 90 days, anything else loses it at once. If an
 * earlier run left it in doubt, no person needs to decide any more.
 */
async function discard(tx: Transaction, credentialId: string, versionId: string | null): Promise<void> {
  if (versionId === null) return;
  const sent = sql`exists (select 1 from attempts where secret_version_id = ${versionId} and sent_at is not null)`;
  await tx
    .update(secretVersions)
    .set({
      status: "discarded",
      sealed: sql`case when ${sent} then ${secretVersions.sealed} end`,
      purgeAfter: sql`case when ${sent} then now() + interval '90 days' end`,
    })
    .where(and(eq(secretVersions.id, versionId), sql`${secretVersions.status} in ('candidate', 'doubtful')`));
  await tx
    .update(credentials)
    .set({ attention: null, attentionSince: null })
    .where(and(eq(credentials.id, credentialId), eq(credentials.attention, "change.unverified")));
}

async function keepInDoubt(tx: Transaction, credentialId: string, versionId: string | null): Promise<void> {
  if (versionId !== null)
    await tx.update(secretVersions).set({ status: "doubtful" }).where(eq(secretVersions.id, versionId));
  await tx
    .update(credentials)
    .set({ attention: "change.unverified", attentionSince: sql`now()` })
    .where(eq(credentials.id, credentialId));
}
