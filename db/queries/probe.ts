/** Probe's transactions: taking over an attempt in doubt, and noting that it stays in doubt. */
import { and, desc, eq, getTableColumns, isNotNull, isNull, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { OperationState } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, operations, secretVersions } from "../schema/index.ts";
import { approvalDigest } from "./approval-digest.ts";
import type { AttemptClaim } from "./attempt.ts";
import { deviceAsOf } from "./device-revisions.ts";
import { grantPermits, passPermitOn } from "./permits.ts";
import { isOwn, type OperationRow, type Parties, type PartiesOf, readCurrent, readParties } from "./stage-facts.ts";
import type { StagedAttempt } from "./stage-result.ts";

/** An attempt taken over, with what is known of its candidate over all attempts that ever carried it. */
export interface DoubtfulAttempt extends StagedAttempt {
  readonly everSent: boolean;
  /** Whether every lease, and the settle time after it, was over when the epoch was raised. */
  readonly quiet: boolean;
  /** When that will be so. */
  readonly quietAt: Date | null;
  /** Looks taken so far, this one included. */
  readonly probes: number;
  /** Whether the same candidate may be sent once more. */
  readonly mayApplyAgain: boolean;
}

export type Takeover =
  | { readonly kind: "taken"; readonly attempt: DoubtfulAttempt; readonly wake: OperationRef[] }
  /** It sends no password by its kind: there is none to look for. */
  | {
      readonly kind: "no-password";
      readonly attempt: number;
      readonly epoch: number;
      /** Whether it sent anything. */
      readonly sent: boolean;
      /** Until when more of it may leave the worker; null when that is over, by the database's clock. */
      readonly sendsUntil: Date | null;
    }
  | { readonly kind: "waiting"; readonly dueAt: Date }
  | { readonly kind: "not-yours"; readonly state: OperationState };

/**
 * Raises the epoch of a running operation's open attempt: from its commit on, no older worker can send or write.
 * @param request.settleMs how long a sent password may still take effect after its lease, by plugin kind
 */
export async function takeOver(
  db: Database,
  request: { code: number; run: number; settleMs: (plugin: string) => number; wakeInMs: number },
): Promise<Takeover> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, request.code)).for("update");
    if (!operation) throw new Error("the operation's row is gone");
    if (operation.run === request.run && operation.state === "scheduled")
      return { kind: "waiting", dueAt: operation.dueAt };
    // A change that was lost after it found that it must be approved: the next one says until when.
    if (operation.run === request.run && operation.state === "awaiting-approval")
      return { kind: "waiting", dueAt: new Date() };
    if (operation.run !== request.run || operation.state !== "running")
      return { kind: "not-yours", state: operation.state };
    const [open] = await tx
      .select()
      .from(attempts)
      .where(and(eq(attempts.operationCode, request.code), isNull(attempts.endedAt)))
      .orderBy(desc(attempts.number))
      .limit(1);
    if (!open) throw new Error("a running operation has no open attempt");
    const [raised] = await tx
      .update(attempts)
      .set({ epoch: sql`nextval('epochs')`, permit: false })
      .where(and(eq(attempts.operationCode, open.operationCode), eq(attempts.number, open.number)))
      .returning({
        ...getTableColumns(attempts),
        sends: sql<boolean>`coalesce(${attempts.sentAt} is not null and ${attempts.leaseUntil} > now(), false)`,
      });
    if (!raised) throw new Error("the attempt could not be taken over");
    await tx
      .update(operations)
      .set({
        phase: "verifying",
        probes: sql`${operations.probes} + 1`,
        wakeAt: sql`now() + make_interval(secs => ${request.wakeInMs / 1000})`,
      })
      .where(eq(operations.code, request.code));
    const { number, epoch, secretVersionId, sends } = raised;
    if (secretVersionId === null) {
      const sendsUntil = sends ? raised.leaseUntil : null;
      return { kind: "no-password", attempt: number, epoch, sent: raised.sentAt !== null, sendsUntil };
    }
    const facts = await readDoubt(tx, { operation, attempt: raised, settleMs: request.settleMs });
    const wake = open.permit ? await grantPermits(tx, open.deviceId) : [];
    const attempt = { ...facts, probes: operation.probes + 1, mayApplyAgain: mayApplyAgain(operation, facts.parties) };
    return { kind: "taken", attempt, wake };
  });
}

/** What is known of an attempt and its candidate, read under the operation's lock. */
export async function readDoubt(
  tx: Transaction,
  asked: { operation: PartiesOf; attempt: typeof attempts.$inferSelect; settleMs: (plugin: string) => number },
) {
  const { attempt, settleMs } = asked;
  const found = await readParties(tx, asked.operation, attempt);
  const [candidate] = await tx
    .select()
    .from(secretVersions)
    .where(eq(secretVersions.id, attempt.secretVersionId ?? ""));
  if (!found || !candidate) throw new Error("the attempt's credential or candidate is gone");
  // Another plugin may have sent it than the one that looks.
  const senders = await tx
    .selectDistinct({ plugin: attempts.plugin })
    .from(attempts)
    .where(and(eq(attempts.secretVersionId, candidate.id), isNotNull(attempts.sentAt)));
  const longestMs = Math.max(0, ...senders.map(({ plugin }) => settleMs(plugin)));
  const settled = sql`max(lease_until) + make_interval(secs => ${longestMs / 1000})`;
  const [sends] = await tx.execute<{ ever: boolean; quiet: boolean; quietAt: string | null; to: number | null }>(sql`
    select coalesce(bool_or(sent_at is not null), false) as ever, coalesce(${settled} < now(), true) as quiet,
           ${settled} as "quietAt", min(device_revision) filter (where sent_at is not null) as "to"
    from attempts where secret_version_id = ${candidate.id}`);
  // Where it was first sent is where it is looked for, whatever was edited since.
  const device = await deviceAsOf(tx, found.device, sends?.to ?? attempt.deviceRevision);
  const parties = { ...found, device };
  const [current, authenticatorVersion] = [
    await readCurrent(tx, parties.credential.id),
    await readCurrent(tx, parties.authenticator.id),
  ];
  return {
    code: attempt.operationCode,
    number: attempt.number,
    epoch: attempt.epoch,
    parties,
    candidate,
    current,
    authenticatorVersion,
    everSent: sends?.ever ?? true,
    quiet: sends?.quiet ?? false,
    quietAt: sends?.quietAt ? new Date(sends.quietAt) : null,
  };
}

/**
 * Looking for a password is always right. Sending it once more is not with the account's own log-in, where a person
 * decides; nor by another account than was approved, nor to what somebody has deactivated.
 */
export function mayApplyAgain({ approval, approvalDigest: approved }: OperationRow, parties: Parties): boolean {
  const { credential, authenticator, device } = parties;
  const isActive = credential.active && authenticator.active && device.active;
  return !isOwn(parties) && isActive && (approval === null || approvalDigest(parties) === approved);
}

/**
 * The candidate stays in doubt: current stays what it is, and the operation looks again later. It is not sent until
 * then, so what it waited for to be sent is no more.
 * @returns workflows to wake: a permit that it was granted goes to the next one
 */
export async function stayInDoubt(db: Database, claim: AttemptClaim, nextAt: Date): Promise<OperationRef[]> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, claim.code)).for("update");
    const held = await tx
      .select({ versionId: attempts.secretVersionId })
      .from(attempts)
      .where(and(eq(attempts.operationCode, claim.code), eq(attempts.epoch, claim.epoch), isNull(attempts.endedAt)));
    const versionId = held[0]?.versionId;
    if (!operation || !versionId) return [];
    await tx
      .update(secretVersions)
      .set({ status: "doubtful" })
      .where(and(eq(secretVersions.id, versionId), eq(secretVersions.status, "candidate")));
    await tx
      .update(operations)
      .set({ waitingFor: null, permitGrantedAt: null, wakeAt: nextAt })
      .where(eq(operations.code, claim.code));
    return passPermitOn(tx, operation);
  });
}
