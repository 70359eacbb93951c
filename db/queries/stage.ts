/** Stage: the transaction that takes an operation and commits the candidate before anything is sent. */
import { eq } from "drizzle-orm";
import { isJob } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { operations } from "../schema/index.ts";
import { approvalDigest } from "./approval-digest.ts";
import { readSameValueDescendants } from "./descendants.ts";
import { freePermits } from "./permits.ts";
import {
  type OperationRow,
  type Parties,
  readCurrent,
  readHindrances,
  readParties,
  type VersionRow,
} from "./stage-facts.ts";
import { isLifetimeOver } from "./removal.ts";
import { stageJob } from "./stage-job.ts";
import type { StageRequest, StageResult } from "./stage-result.ts";
import { hindrance, type Wait, whileWindowStands } from "./stage-waits.ts";
import { approveAgain, begin, park, refuse, store } from "./stage-writes.ts";
import { checkRefusal } from "./verify-operation.ts";

/**
 * scheduled → running with a new attempt and a sealed, committed candidate; or says why not.
 * A row whose credential has an open candidate runs too, for a probe.
 */
export async function stage(db: Database, request: StageRequest): Promise<StageResult> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, request.code)).for("update");
    if (!operation) throw new Error("the operation's row is gone");
    if (operation.run !== request.run) return { kind: "not-yours", state: operation.state, wake: [] };
    if (operation.state === "running") return { kind: "running" };
    if (operation.state === "awaiting-approval")
      return { kind: "awaiting-approval", expiresAt: operation.approvalExpiresAt ?? operation.dueAt, wake: [] };
    if (operation.state !== "scheduled") return { kind: "not-yours", state: operation.state, wake: [] };
    return take(tx, operation, request);
  });
}

async function take(tx: Transaction, operation: OperationRow, request: StageRequest): Promise<StageResult> {
  const { settings } = request;
  const [parties, current, permits] = await Promise.all([
    readParties(tx, operation),
    readCurrent(tx, operation.credentialId),
    freePermits(tx, operation.deviceId, operation.code),
  ]);
  if (!parties) return refuse(tx, operation, { outcome: "credential.no-authenticator", settings });
  const { parentCredentialId } = parties.credential;
  const takesParents = operation.kind === "child-password-change" && parties.credential.childValue === "parent";
  const [hindrances, login, parent, descendants] = await Promise.all([
    readHindrances(tx, operation, parties, settings),
    parties.authenticator.id === operation.credentialId ? current : readCurrent(tx, parties.authenticator.id),
    takesParents && parentCredentialId !== null ? readCurrent(tx, parentCredentialId) : undefined,
    parties.hasChildren ? readSameValueDescendants(tx, operation.credentialId) : [],
  ]);
  const checks = operation.kind === "verify-password";
  const wait = hindrance(operation, parties, { hindrances, permits: checks ? 1 : permits });
  if (wait?.first) return park(tx, operation, await whileWindowStands(tx, operation, { parties, wait }));
  const lookInto = async (versionId: string): Promise<StageResult> => {
    await begin(tx, operation, { parties, request, versionId, permit: false });
    return { kind: "needs-probe" };
  };
  // What it sent itself was approved then; asked again, it could expire or be rejected over a password in doubt.
  const sent = !checks && !isJob(operation) && operation.attempts > 0;
  if (hindrances.openVersionId !== null && sent) return lookInto(hindrances.openVersionId);
  if (operation.approval !== null) {
    const digest = approvalDigest(parties);
    if (digest !== operation.approvalDigest) return approveAgain(tx, operation, digest);
  }
  if (checks) return stageCheck(tx, operation, { parties, request, current, wait });
  if (isJob(operation)) return stageJob(tx, operation, { parties, request, login, wait });
  if (hindrances.openVersionId !== null) return lookInto(hindrances.openVersionId);
  if (operation.kind === "ephemeral-credential-creation" && (await isLifetimeOver(tx, operation)))
    return refuse(tx, operation, { outcome: "ephemeral.lifetime-over", settings });
  const candidate = request.prepare({
    parties,
    login,
    descendants,
    ...(takesParents ? { parent: parent ?? null } : {}),
  });
  if ("refusal" in candidate) return refuse(tx, operation, { outcome: candidate.refusal, settings });
  if (wait) return park(tx, operation, wait, parties);
  const { begun, stored } = await store(tx, operation, { parties, request, parent, hindrances, seal: candidate.seal });
  return {
    kind: "staged",
    attempt: { ...begun, parties, candidate: stored, current, authenticatorVersion: login },
  };
}

/** scheduled → running for a look that changes nothing: no candidate, no permit. */
async function stageCheck(
  tx: Transaction,
  operation: OperationRow,
  facts: { parties: Parties; request: StageRequest; current: VersionRow | undefined; wait: Wait | undefined },
): Promise<StageResult> {
  const { parties, request, current, wait } = facts;
  const outcome = checkRefusal(parties, current);
  if (outcome || !current)
    return refuse(tx, operation, { outcome: outcome ?? "credential.no-password", settings: request.settings });
  if (wait) return park(tx, operation, wait, parties);
  const begun = await begin(tx, operation, { parties, request, versionId: null, permit: false });
  return { kind: "check", check: { ...begun, parties, current } };
}
