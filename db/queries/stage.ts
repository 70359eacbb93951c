/** Stage: the transaction that takes an operation and commits the candidate before anything is sent. */
import { eq, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationRef } from "../../contracts/messages.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { OperationState, WaitingFor } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { attempts, operations, secretVersions } from "../schema/index.ts";
import { auditOperation, WORKER } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import { freePermits, grantPermits } from "./permits.ts";
import {
  type OperationRow,
  type Parties,
  readCurrent,
  readHindrances,
  readParties,
  type VersionRow,
} from "./stage-facts.ts";

/** An attempt that is under way, with everything its work needs. Passwords are still sealed. */
export interface StagedAttempt {
  readonly code: number;
  readonly number: number;
  readonly epoch: number;
  readonly parties: Parties;
  readonly candidate: VersionRow;
  readonly current: VersionRow | undefined;
  readonly authenticatorVersion: VersionRow | undefined;
}

export type StageResult =
  | { readonly kind: "staged"; readonly attempt: StagedAttempt }
  | {
      readonly kind: "parked";
      readonly waitingFor: WaitingFor;
      readonly recheckAt: Date;
      readonly wake: OperationRef[];
    }
  | { readonly kind: "needs-probe" }
  | { readonly kind: "not-yours"; readonly state: OperationState; readonly wake: OperationRef[] };

export interface StageRequest {
  readonly code: number;
  readonly run: number;
  readonly worker: string;
  readonly settings: Settings;
  /** How long the attempt may take before the repair sweep looks after it. Milliseconds. */
  readonly changeMs: number;
  /** Makes and seals a new password for these parties. */
  seal(parties: Parties, version: { versionId: string; version: number }): Buffer;
  /** Why the operation can no longer be carried out, if so. */
  ineligible(parties: Parties, authenticatorVersion: VersionRow | undefined): ErrorCode | undefined;
}

/** How long a row waits for another to finish before it looks by itself. */
const RECHECK_MS = 300_000;

/**
 * scheduled → running with a new attempt and a sealed, committed candidate; or says why not.
 * A row that is already running, or whose credential has an open candidate, needs a probe first.
 */
export async function stage(db: Database, request: StageRequest): Promise<StageResult> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, request.code)).for("update");
    if (!operation) throw new Error("the operation's row is gone");
    if (operation.run !== request.run) return { kind: "not-yours", state: operation.state, wake: [] };
    if (operation.state === "running") return { kind: "needs-probe" };
    if (operation.state !== "scheduled") return { kind: "not-yours", state: operation.state, wake: [] };
    return take(tx, operation, request);
  });
}

async function take(tx: Transaction, operation: OperationRow, request: StageRequest): Promise<StageResult> {
  const [parties, current, permits] = await Promise.all([
    readParties(tx, operation.credentialId),
    readCurrent(tx, operation.credentialId),
    freePermits(tx, operation.deviceId, operation.code),
  ]);
  if (!parties) return refuse(tx, operation, "credential.no-authenticator");
  const [hindrances, authenticatorVersion] = await Promise.all([
    readHindrances(tx, operation, parties, request.settings),
    parties.authenticator.id === operation.credentialId ? current : readCurrent(tx, parties.authenticator.id),
  ]);
  if (!hindrances.due) return park(tx, operation, { waitingFor: "time", recheckAt: operation.dueAt });
  if (hindrances.openVersionId !== null) {
    await begin(tx, operation, { parties, request, versionId: hindrances.openVersionId, permit: false });
    return { kind: "needs-probe" };
  }
  const ineligible = request.ineligible(parties, authenticatorVersion);
  if (ineligible) return refuse(tx, operation, ineligible);
  const soon = new Date(Date.now() + RECHECK_MS);
  if (hindrances.breakerUntil) return park(tx, operation, { waitingFor: "device", recheckAt: hindrances.breakerUntil });
  if (hindrances.authenticatorBusy)
    return park(tx, operation, { waitingFor: "authenticator", recheckAt: soon }, parties);
  if (hindrances.budgetFreeAt)
    return park(tx, operation, { waitingFor: "login-budget", recheckAt: hindrances.budgetFreeAt }, parties);
  if (permits <= 0) return park(tx, operation, { waitingFor: "device", recheckAt: soon });

  const versionId = newId();
  const version = hindrances.nextVersion;
  const insert = tx
    .insert(secretVersions)
    .values({
      id: versionId,
      credentialId: parties.credential.id,
      version,
      status: "candidate",
      sealed: request.seal(parties, { versionId, version }),
      origin: "generated",
      operationCode: operation.code,
    })
    .returning();
  // The attempt names its candidate, so the candidate goes first; both are under way before the first is answered.
  const [[candidate], begun] = await Promise.all([
    insert.execute(),
    begin(tx, operation, { parties, request, versionId, permit: true }),
  ]);
  if (!candidate) throw new Error("the candidate was not stored");
  return { kind: "staged", attempt: { ...begun, parties, candidate, current, authenticatorVersion } };
}

interface Beginning {
  readonly parties: Parties;
  readonly request: StageRequest;
  readonly versionId: string;
  readonly permit: boolean;
}

/** Writes the new attempt and moves the operation to running. */
async function begin(tx: Transaction, operation: OperationRow, { parties, request, versionId, permit }: Beginning) {
  const number = operation.attempts + 1;
  const [[attempt]] = await Promise.all([
    tx
      .insert(attempts)
      .values({
        operationCode: operation.code,
        number,
        run: operation.run,
        epoch: sql`nextval('epochs')`,
        credentialId: parties.credential.id,
        deviceId: parties.device.id,
        deviceRevision: parties.device.revision,
        secretVersionId: versionId,
        plugin: parties.credential.plugin,
        authenticatorId: parties.authenticator.id,
        worker: request.worker,
        permit,
      })
      .returning({ epoch: attempts.epoch }),
    tx
      .update(operations)
      .set({
        state: "running",
        phase: "staged",
        attempts: number,
        runAttempts: operation.runAttempts + 1,
        probes: 0,
        authenticatorId: parties.authenticator.id,
        waitingFor: null,
        permitGrantedAt: null,
        executedAt: sql`now()`,
        wakeAt: sql`now() + make_interval(secs => ${request.changeMs / 1000})`,
      })
      .where(eq(operations.code, operation.code)),
    auditOperation(tx, WORKER, { code: operation.code, action: "operation.running", details: { attempt: number } }),
  ]);
  if (!attempt) throw new Error("the attempt was not stored");
  return { code: operation.code, number, epoch: attempt.epoch };
}

/** Leaves the row scheduled and notes what it waits for. */
async function park(
  tx: Transaction,
  operation: OperationRow,
  wait: { waitingFor: WaitingFor; recheckAt: Date },
  parties?: Parties,
): Promise<StageResult> {
  await tx
    .update(operations)
    .set({
      waitingFor: wait.waitingFor,
      permitGrantedAt: null,
      wakeAt: wait.recheckAt,
      ...(parties ? { authenticatorId: parties.authenticator.id } : {}),
    })
    .where(eq(operations.code, operation.code));
  return { kind: "parked", ...wait, wake: await passOn(tx, operation) };
}

/** A permit that was granted to this row and is not taken up goes to the next one. */
async function passOn(tx: Transaction, operation: OperationRow): Promise<OperationRef[]> {
  return operation.permitGrantedAt === null ? [] : grantPermits(tx, operation.deviceId);
}

/** scheduled → error: what was requested can no longer be done. */
async function refuse(tx: Transaction, operation: OperationRow, outcome: ErrorCode): Promise<StageResult> {
  await endOperation(tx, { code: operation.code, state: "error", outcome });
  return { kind: "not-yours", state: "error", wake: await passOn(tx, operation) };
}
