/**
 * Ephemeral credentials: an account that is made for a time. The operation that removes it is committed together with
 * the one that makes it, so that nothing that dies on the way leaves an account behind.
 */
import { randomInt } from "node:crypto";
import { sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Ephemeral } from "../../contracts/operation-requests.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Transaction } from "../client.ts";
import { type Actor, auditObject } from "./audit.ts";
import { createCredential } from "./credentials.ts";
import { checkParameters } from "./job-parameters.ts";
import { given, JOB_REFUSALS, type JobRequest, readLogin } from "./jobs.ts";
import { type Opened, openOperations } from "./open-operations.ts";
import { readRunnableTemplate, type RunnableTemplate } from "./runnable-template.ts";

/** Characters that stand for `#` in a pattern: what every system takes within a user name. */
const DRAWN = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Names drawn before giving up: a pattern so narrow that they are all taken. */
const DRAWS = 20;

const MINUTE_MS = 60_000;

export interface EphemeralRequest extends Omit<JobRequest, "kind" | "credentialId"> {
  readonly deviceId: string;
  readonly authenticationCredentialId: string;
  readonly ephemeral: Ephemeral;
}

/** The operation that makes the account, and the one that removes it. */
export interface OpenedEphemeral extends Opened {
  readonly removalCode: number;
}

export const EPHEMERAL_REFUSALS = JOB_REFUSALS satisfies readonly ErrorCode[];

/**
 * Makes the credential, and opens its creation and its removal.
 * @throws ApiProblem one of {@link EPHEMERAL_REFUSALS}; `request.conflict` when the device has the user name already
 */
export async function requestEphemeral(tx: Transaction, request: EphemeralRequest): Promise<OpenedEphemeral> {
  const { deviceId, authenticationCredentialId, ephemeral, parameters, actor, reason, scheduledFor } = request;
  const { creation, removal } = await readTemplates(tx, request);
  checkParameters(parameters, { tags: new Set([...creation.tags, ...removal.tags]), username: true });
  await readLogin(tx, { id: authenticationCredentialId, deviceId });
  const credentialId = await createCredential(tx, {
    deviceId,
    plugin: creation.plugin,
    username: await nameFor(tx, request),
    domain: ephemeral.domain ?? "",
    additionalInfo: ephemeral.additionalInfo ?? "",
    type: "Ephemeral",
    useOwnCredential: false,
    authenticationCredentialId,
  });
  await noteCreated(tx, actor, { credentialId, lifetimeMinutes: ephemeral.lifetimeMinutes });
  const common = { priority: 2, reason, actor } as const;
  const values = given(parameters);
  const [made] = await openOperations(tx, {
    ...common,
    kind: "ephemeral-credential-creation",
    items: [{ credentialId, trigger: "request", dueAt: scheduledFor }],
    work: {
      templateId: creation.id,
      // What is approved binds them: how long the account lives, and what takes it away.
      parameters: { ...values, lifetimeMinutes: String(ephemeral.lifetimeMinutes), removalTemplateId: removal.id },
    },
  });
  const begins = Math.max(scheduledFor?.getTime() ?? 0, Date.now());
  const [removed] = await openOperations(tx, {
    ...common,
    kind: "ephemeral-credential-removal",
    items: [{ credentialId, trigger: "ephemeral", dueAt: new Date(begins + ephemeral.lifetimeMinutes * MINUTE_MS) }],
    work: { templateId: removal.id, parameters: values, beside: true },
  });
  if (!made || !removed) throw new Error("the operations of an ephemeral credential were not made");
  return { ...made, removalCode: removed.code };
}

async function readTemplates(
  tx: Transaction,
  { templateId, ephemeral, plugins }: EphemeralRequest,
): Promise<{ creation: RunnableTemplate; removal: RunnableTemplate }> {
  const creation = await readRunnableTemplate(tx, {
    id: templateId,
    kind: "ephemeral-credential-creation",
    field: "templateId",
    plugins,
  });
  const removal = await readRunnableTemplate(tx, {
    id: ephemeral.removalTemplateId,
    kind: "ephemeral-credential-removal",
    field: "ephemeral.removalTemplateId",
    plugins,
  });
  if (creation.plugin !== removal.plugin)
    throw new ApiProblem("operation.template", "The templates of creation and removal are of different plugins.");
  return { creation, removal };
}

/** The user name that was asked for, or one drawn by the pattern. */
async function nameFor(tx: Transaction, { deviceId, ephemeral }: EphemeralRequest): Promise<string> {
  const { username, usernamePattern = "" } = ephemeral;
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const name = username ?? usernamePattern.replaceAll("#", () => DRAWN[randomInt(DRAWN.length)] ?? "");
    // Also by a credential that is inactive: its account may still be there, and would be taken over and removed.
    const [taken] = await tx.execute(sql`
      select 1 from credentials where device_id = ${deviceId} and lower(username) = lower(${name})
        and (type <> 'Ephemeral' or active or exists (
          select 1 from operations o where o.credential_id = credentials.id and o.wake_at is not null)) limit 1`);
    if (!taken) return name;
    if (username !== undefined) break;
  }
  throw new ApiProblem("request.conflict", "A credential of the device has this user name.");
}

async function noteCreated(
  tx: Transaction,
  actor: Actor,
  { credentialId, lifetimeMinutes }: { credentialId: string; lifetimeMinutes: number },
): Promise<void> {
  const details = { type: "Ephemeral", lifetimeMinutes };
  await auditObject(tx, actor, {
    action: "credential.created",
    objectType: "credential",
    objectId: credentialId,
    details,
  });
}
