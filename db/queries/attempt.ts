/** Claims on a running attempt. Each compares the epoch: whoever raised it last is the only one whose word counts. */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationRef, Verdict } from "../../contracts/messages.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, credentials, devices, operations, secretVersions, type StepRecord } from "../schema/index.ts";
import { endOperation } from "./end-operation.ts";
import { type Reserved, returnLogin } from "./login-budget.ts";
import { wakeNext } from "./permits.ts";

export interface AttemptClaim {
  readonly code: number;
  readonly number: number;
  readonly epoch: number;
}

/** What an attempt tells of itself. Everything is redacted already. */
export interface AttemptRecord {
  readonly steps: StepRecord[];
  readonly transcript: string;
  readonly detail: string;
}

const mine = (claim: AttemptClaim) =>
  and(
    eq(attempts.operationCode, claim.code),
    eq(attempts.number, claim.number),
    eq(attempts.epoch, claim.epoch),
    isNull(attempts.endedAt),
  );

/**
 * The point of no return: from its commit on, the candidate counts as sent.
 * @returns false when another worker has taken over: nothing may be sent
 */
export async function passPointOfNoReturn(db: Database, claim: AttemptClaim, leaseSeconds: number): Promise<boolean> {
  const granted = await db
    .update(attempts)
    .set({
      sentAt: sql`coalesce(${attempts.sentAt}, now())`,
      leaseUntil: sql`now() + make_interval(secs => ${leaseSeconds})`,
    })
    .where(mine(claim))
    .returning({ number: attempts.number });
  return granted.length === 1;
}

/** Adds what an attempt has to tell, without ending it. A later teller adds to it. */
export async function recordAttempt(db: Database, claim: AttemptClaim, record: AttemptRecord): Promise<void> {
  await db
    .update(attempts)
    .set({
      steps: sql`${attempts.steps} || ${JSON.stringify(record.steps)}::jsonb`,
      transcript: sql`${attempts.transcript} || ${record.transcript}`,
      ...(record.detail === "" ? {} : { detail: record.detail }),
    })
    .where(mine(claim));
}

export interface Promotion {
  readonly promoted: boolean;
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
      tx.select({ state: operations.state }).from(operations).where(eq(operations.code, claim.code)).for("update"),
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
      return { promoted: await alreadyPromoted(tx, claim), wake: [] };
    }
    const { credentialId, secretVersionId } = attempt;
    // One batch, carried out in this order, and one failure when the connection dies in it.
    const [, wake] = await Promise.all([
      Promise.all([
        demote(tx, credentialId),
        tx
          .update(secretVersions)
          .set({ status: "current", promotedAt: sql`now()`, purgeAfter: null })
          .where(eq(secretVersions.id, secretVersionId)),
        tx
          .update(credentials)
          .set({
            changedAt: sql`now()`,
            attention: null,
            attentionSince: null,
            lastCheck: "accepted",
            lastCheckCode: "verify.accepted",
            lastCheckAt: sql`now()`,
          })
          .where(eq(credentials.id, credentialId)),
        endAttempt(tx, claim, { record, outcome: "change.succeeded" }),
        endOperation(tx, {
          code: claim.code,
          state: "succeeded",
          details: { attempt: claim.number, version: secretVersionId },
        }),
        tx
          .update(devices)
          .set({ transportFailures: 0, breakerUntil: null })
          .where(and(eq(devices.id, attempt.deviceId), sql`${devices.transportFailures} > 0`)),
        reserved && returnLogin(tx, reserved, "accepted"),
      ]),
      wakeNext(tx, { deviceId: attempt.deviceId, credentialId }),
    ]);
    await beforeCommit?.();
    return { promoted: true, wake };
  });
}

async function alreadyPromoted(tx: Transaction, claim: AttemptClaim): Promise<boolean> {
  const [attempt] = await tx
    .select({ outcome: attempts.outcome })
    .from(attempts)
    .where(and(eq(attempts.operationCode, claim.code), eq(attempts.number, claim.number)));
  return attempt?.outcome === "change.succeeded";
}

/** previous → retired, current → previous. */
export async function demote(tx: Transaction, credentialId: string): Promise<void> {
  await tx
    .update(secretVersions)
    .set({
      status: sql`case ${secretVersions.status} when 'current' then 'previous' else 'retired' end`,
      purgeAfter: sql`now() + interval '90 days'`,
    })
    .where(
      and(eq(secretVersions.credentialId, credentialId), sql`${secretVersions.status} in ('current', 'previous')`),
    );
}

/** Ends the claimed attempt; its permit is free from here. */
export async function endAttempt(
  tx: Transaction,
  claim: AttemptClaim,
  end: { record?: AttemptRecord; outcome: ErrorCode | "change.succeeded" },
): Promise<void> {
  const { record } = end;
  await tx
    .update(attempts)
    .set({
      endedAt: sql`now()`,
      permit: false,
      outcome: end.outcome,
      ...(record
        ? {
            steps: sql`${attempts.steps} || ${JSON.stringify(record.steps)}::jsonb`,
            transcript: sql`${attempts.transcript} || ${record.transcript}`,
          }
        : {}),
      ...(record?.detail ? { detail: record.detail } : {}),
    })
    .where(mine(claim));
}

/**
 * Notes what a log-in with the stored password said, unless another has become current since: a rejection of the old
 * one would make everybody who logs in with the account wait for nothing.
 */
export async function noteCheck(
  db: Database,
  asked: { credentialId: string; versionId: string },
  check: { verdict: Verdict; code: ErrorCode },
): Promise<void> {
  await db.transaction(async (tx) => {
    // A promotion holds this row until it commits; only then is the version looked at.
    await tx
      .select({ id: credentials.id })
      .from(credentials)
      .where(eq(credentials.id, asked.credentialId))
      .for("no key update");
    await tx
      .update(credentials)
      .set({ lastCheck: check.verdict, lastCheckCode: check.code, lastCheckAt: sql`now()` })
      .where(
        and(
          eq(credentials.id, asked.credentialId),
          sql`exists (select 1 from ${secretVersions} where ${secretVersions.id} = ${asked.versionId}
            and ${secretVersions.status} = 'current')`,
        ),
      );
  });
}
