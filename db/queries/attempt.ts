/** Claims on a running attempt. Each compares the epoch: whoever raised it last is the only one whose word counts. */
import { and, eq, isNull, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Verdict } from "../../contracts/messages.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, credentials, secretVersions, type StepRecord } from "../schema/index.ts";

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

export const mine = (claim: AttemptClaim) =>
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
 * one would make everybody who logs in with the account wait for nothing. An unknown answer does not lift a rejection.
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
      .set({
        lastCheck: check.verdict,
        lastCheckCode: check.code,
        lastCheckAt: sql`now()`,
        lastCheckSince: sql`case when ${credentials.lastCheck} = ${check.verdict} then ${credentials.lastCheckSince} else now() end`,
      })
      .where(
        and(
          eq(credentials.id, asked.credentialId),
          check.verdict === "unknown" ? sql`${credentials.lastCheck} is distinct from 'rejected'` : undefined,
          sql`exists (select 1 from ${secretVersions} where ${secretVersions.id} = ${asked.versionId}
            and ${secretVersions.status} = 'current')`,
        ),
      );
  });
}
