/** What stage writes: a new attempt with its candidate, or why there is none. */
import { eq, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { WaitingFor } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { attempts, operations, secretVersions } from "../schema/index.ts";
import { askAgain } from "./approvals.ts";
import { auditOperation, WORKER } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import { followFailure } from "./follow-failure.ts";
import { passPermitOn } from "./permits.ts";
import type { OperationRow, Parties, VersionRow } from "./stage-facts.ts";
import type { StageRequest, StageResult } from "./stage-result.ts";

interface Beginning {
  readonly parties: Parties;
  readonly request: StageRequest;
  /** What it sends or looks for; null: nothing is sent. */
  readonly versionId: string | null;
  readonly permit: boolean;
}

/** Commits the candidate and the attempt that names it. */
export async function store(
  tx: Transaction,
  operation: OperationRow,
  facts: Omit<Beginning, "versionId" | "permit"> & {
    parent: VersionRow | undefined;
    hindrances: { nextVersion: number };
    seal: (binding: { versionId: string; version: number }) => Buffer;
  },
) {
  const { parties, request, parent } = facts;
  const versionId = newId();
  const version = facts.hindrances.nextVersion;
  const insert = tx
    .insert(secretVersions)
    .values({
      id: versionId,
      credentialId: parties.credential.id,
      version,
      status: "candidate",
      sealed: facts.seal({ versionId, version }),
      operationCode: operation.code,
      origin: parent ? "parent" : "generated",
      parentVersionId: parent?.id ?? null,
    })
    .returning();
  // The attempt names its candidate, so the candidate goes first; both are under way before the first is answered.
  const [[stored], begun] = await Promise.all([
    insert.execute(),
    begin(tx, operation, { parties, request, versionId, permit: true }),
  ]);
  if (!stored) throw new Error("the candidate was not stored");
  return { begun, stored };
}

/** Writes the new attempt and moves the operation to running. */
export async function begin(
  tx: Transaction,
  operation: OperationRow,
  { parties, request, versionId, permit }: Beginning,
) {
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
        plugin: parties.plugin,
        templateId: parties.templateId,
        templateVersion: parties.templateVersion,
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
export async function park(
  tx: Transaction,
  operation: OperationRow,
  wait: { waitingFor: WaitingFor; recheckAt: Date },
  parties?: Parties,
): Promise<StageResult> {
  const { waitingFor, recheckAt } = wait;
  await tx
    .update(operations)
    .set({
      waitingFor,
      permitGrantedAt: null,
      wakeAt: recheckAt,
      // What was held back on purpose begins to miss a worker only now.
      ...(isHeldBack(operation.waitingFor) && !isHeldBack(waitingFor) ? { dueAt: sql`now()` } : {}),
      ...(parties ? { authenticatorId: parties.authenticator.id } : {}),
    })
    .where(eq(operations.code, operation.code));
  return { kind: "parked", waitingFor, recheckAt, wake: await passPermitOn(tx, operation) };
}

/** By a pause or a window, for which nobody misses a worker. */
function isHeldBack(waitingFor: WaitingFor | null): boolean {
  return waitingFor === "pause" || waitingFor === "window";
}

/** scheduled → awaiting-approval: what was approved is not what would be done now. */
export async function approveAgain(tx: Transaction, operation: OperationRow, digest: string): Promise<StageResult> {
  const expiresAt = await askAgain(tx, operation, digest);
  return { kind: "awaiting-approval", expiresAt, wake: await passPermitOn(tx, operation) };
}

/** scheduled → error: what was requested can no longer be done. */
export async function refuse(
  tx: Transaction,
  operation: OperationRow,
  { outcome, settings }: { outcome: ErrorCode; settings: Settings },
): Promise<StageResult> {
  if (operation.kind === "ephemeral-credential-removal") return putOff(tx, operation, outcome);
  await endOperation(tx, { code: operation.code, state: "error", outcome });
  await followFailure(tx, operation, { reason: outcome, settings });
  return { kind: "not-yours", state: "error", wake: await passPermitOn(tx, operation) };
}

/** Until somebody mends what is missing, in milliseconds. */
const PUT_OFF_MS = 300_000;

/** A removal is never given up: it waits, and says why. */
async function putOff(tx: Transaction, operation: OperationRow, outcome: ErrorCode): Promise<StageResult> {
  // Whoever hurried it before it was said did not decide about that.
  const undecided = outcome === "ephemeral.unproven" ? ({ priority: 2 } as const) : {};
  await tx
    .update(operations)
    .set({ outcome, ...undecided })
    .where(eq(operations.code, operation.code));
  return park(tx, operation, { waitingFor: "authenticator", recheckAt: new Date(Date.now() + PUT_OFF_MS) });
}
