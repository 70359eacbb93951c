/** Stage of jobs: operations that run a template and have no candidate. */
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationRef } from "../../contracts/messages.ts";
import type { OperationKind } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { judgeRemoval } from "./removal.ts";
import type { OperationRow, Parties, VersionRow } from "./stage-facts.ts";
import type { StagedJob, StageRequest, StageResult } from "./stage-result.ts";
import type { Wait } from "./stage-waits.ts";
import { begin, park, refuse } from "./stage-writes.ts";

/** How long a removal waits for a creation that is under way. Milliseconds. */
const CREATION_MS = 30_000;

/** scheduled → running for a job: with a permit, as it works on the device, and without candidate. */
export async function stageJob(
  tx: Transaction,
  operation: OperationRow,
  facts: { parties: Parties; request: StageRequest; login: VersionRow | undefined; wait: Wait | undefined },
): Promise<StageResult> {
  const { parties, request, login, wait } = facts;
  const { settings } = request;
  const removal = operation.kind === "ephemeral-credential-removal" ? await judgeRemoval(tx, operation) : undefined;
  if (removal?.kind === "nothing-to-remove") return { kind: "not-yours", state: "canceled", wake: removal.wake };
  const wake = removal?.wake ?? [];
  const later = { waitingFor: "queue", recheckAt: new Date(Date.now() + CREATION_MS) } as const;
  if (removal?.kind === "wait") return alsoTell(await park(tx, operation, later, parties), wake);
  const outcome =
    removal?.unproven && !isDecided(operation) ? "ephemeral.unproven" : refusalOf(operation.kind, parties);
  if (outcome || !login)
    return alsoTell(await refuse(tx, operation, { outcome: outcome ?? "credential.no-password", settings }), wake);
  if (wait) return alsoTell(await park(tx, operation, wait, parties), wake);
  const begun = await begin(tx, operation, { parties, request, versionId: null, permit: true });
  const job: StagedJob = {
    ...begun,
    parties,
    authenticatorVersion: login,
    ...(removal ? { removal } : {}),
  };
  return { kind: "job", job, wake };
}

/** A person was told that the account may be somebody's, and asks for its removal all the same. */
function isDecided({ outcome, priority }: OperationRow): boolean {
  return outcome === "ephemeral.unproven" && priority === 1;
}

function alsoTell(result: StageResult, wake: readonly OperationRef[]): StageResult {
  return "wake" in result ? { ...result, wake: [...result.wake, ...wake] } : result;
}

function refusalOf(
  kind: OperationKind,
  { credential, device, authenticator, template }: Parties,
): ErrorCode | undefined {
  // What is to be made active again is inactive until then; what is to be removed must not be left behind.
  const inactiveToo = kind === "credential-activation" || kind === "ephemeral-credential-removal";
  if (!credential.active && !inactiveToo) return "credential.inactive";
  if (!device.active) return "device.inactive";
  if (!authenticator.active && authenticator.id !== credential.id) return "credential.no-authenticator";
  return template ? undefined : "template.not-active";
}
