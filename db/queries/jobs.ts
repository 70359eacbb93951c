/** Requests of operations that run a template of their kind: jobs, and users that are made with a password. */
import { eq, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { JobParameters } from "../../contracts/job-parameters.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { OperationKind } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import type { Actor } from "./audit.ts";
import { checkParameters } from "./job-parameters.ts";
import { type Opened, openOperations, type Work } from "./open-operations.ts";
import { changeOpen } from "./reconcile.ts";
import { type JobPlugin, readRunnableTemplate, type RunnableTemplate } from "./runnable-template.ts";

export interface JobRequest {
  readonly kind: OperationKind;
  readonly deviceId?: string | undefined;
  /** The stored account that it is about; its execution settings say who logs in. */
  readonly credentialId?: string | undefined;
  /** Else the account that logs in. */
  readonly authenticationCredentialId?: string | undefined;
  readonly templateId: string;
  readonly parameters: JobParameters;
  /** When it is due; at once when absent. */
  readonly scheduledFor?: Date | undefined;
  readonly reason: string;
  readonly actor: Actor;
  readonly plugins: readonly JobPlugin[];
}

/** An operation that was opened, and whether the credential gets a new password by it. */
interface OpenedJob extends Opened {
  readonly givesPassword?: true;
}

/** What a request of a job may be refused with. */
export const JOB_REFUSALS = [
  "operation.kind-unsupported",
  "operation.template",
  "operation.parameters",
  "template.not-found",
  "template.not-active",
  "credential.plugin-unknown",
  "credential.not-found",
  "credential.inactive",
  "credential.no-authenticator",
  "credential.no-password",
  "credential.change-open",
  "credential.attention",
  "device.inactive",
  "request.not-found",
  "request.conflict",
] as const satisfies readonly ErrorCode[];

const logins = alias(credentials, "logins");
const elsewhere = alias(devices, "elsewhere");

/**
 * Opens a job that a person asks for. A credential in attention may be worked on where it is not its password that changes.
 * A template of `user-creation` that sends a new password makes the user with it: it is the credential's then.
 * @throws ApiProblem one of {@link JOB_REFUSALS}
 */
export async function requestJob(tx: Transaction, request: JobRequest): Promise<OpenedJob> {
  const { kind, plugins, parameters, credentialId, scheduledFor: dueAt, reason, actor } = request;
  const template = await readRunnableTemplate(tx, { id: request.templateId, kind, field: "templateId", plugins });
  checkParameters(parameters, { tags: template.tags, username: credentialId !== undefined });
  const givesPassword = kind === "user-creation" && sendsNewPassword(template);
  if (givesPassword && credentialId === undefined) throw passwordOfNobody();
  const about =
    credentialId === undefined ? await aboutNobody(tx, request) : await aboutCredential(tx, request, givesPassword);
  const work: Work = { templateId: template.id, parameters: given(parameters), givesPassword, ...about.work };
  const items = [{ credentialId: about.id, trigger: "request" as const, dueAt }];
  const [opened] = await openOperations(tx, { kind, priority: 2, reason, actor, items, work });
  if (!opened) throw changeOpen(await readOpenCode(tx, about.id));
  return givesPassword ? { ...opened, givesPassword } : opened;
}

function sendsNewPassword({ tags }: RunnableTemplate): boolean {
  return tags.has("NEW_PASSWORD") || tags.has("PASSWORD");
}

function passwordOfNobody(): ApiProblem {
  const error = {
    field: "credentialId",
    rule: "is required: the template sends a new password, which becomes this credential's",
    got: "nothing",
  };
  return new ApiProblem("operation.parameters", `${error.field} ${error.rule}.`, { errors: [error] });
}

/** What was given, without what was not. */
export function given(parameters: JobParameters): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The stored account, if the job can be done with its settings. */
async function aboutCredential(tx: Transaction, request: JobRequest, givesPassword: boolean) {
  const { kind, credentialId: id = "", deviceId } = request;
  const [row] = await tx
    .select({
      active: credentials.active,
      attention: credentials.attention,
      deviceId: devices.id,
      deviceActive: devices.active,
      own: credentials.useOwnCredential,
      login: logins.active,
      hasPassword: hasPassword(
        sql`case when ${credentials.useOwnCredential} then ${credentials.id} else ${logins.id} end`,
      ),
      twin: sql<boolean>`exists (select 1 from credentials t where t.id <> ${credentials.id} and t.active
        and (t.device_id, t.plugin, t.username, t.domain, t.additional_info)
          = (${credentials.deviceId}, ${credentials.plugin}, ${credentials.username}, ${credentials.domain},
            ${credentials.additionalInfo}))`,
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(logins, eq(logins.id, credentials.authenticationCredentialId))
    .where(eq(credentials.id, id));
  if (!row) throw new ApiProblem("credential.not-found");
  if (deviceId !== undefined && deviceId !== row.deviceId)
    throw new ApiProblem("credential.not-found", "The credential belongs to another device than `deviceId`.");
  const activates = kind === "credential-activation";
  if (!row.active && !activates) throw new ApiProblem("credential.inactive");
  // It would be a second active one of the same account.
  if (activates && row.twin) throw new ApiProblem("request.conflict", "Another active credential is this account's.");
  if (!row.deviceActive) throw new ApiProblem("device.inactive");
  if (givesPassword && row.attention !== null) throw new ApiProblem("credential.attention");
  if (givesPassword && row.own)
    throw new ApiProblem(
      "credential.no-authenticator",
      "Who is to be made cannot log in to do it: the credential needs an `authenticationCredentialId`.",
    );
  if (!row.own && row.login !== true) throw new ApiProblem("credential.no-authenticator");
  if (!row.hasPassword) throw new ApiProblem("credential.no-password");
  return { id, work: {} };
}

/** The account that logs in, where the job is about no stored one. */
async function aboutNobody(tx: Transaction, request: JobRequest) {
  const { deviceId = "", authenticationCredentialId: id = "", parameters } = request;
  await readLogin(tx, { id, deviceId });
  return { id, work: { elsewhere: { deviceId, username: parameters.username ?? "" } } };
}

/**
 * Refuses an account that cannot log in, and a device that nothing can be done on.
 * @throws ApiProblem `request.not-found`, `device.inactive`, `credential.no-authenticator`, `credential.no-password`
 */
export async function readLogin(tx: Transaction, { id, deviceId }: { id: string; deviceId: string }): Promise<void> {
  const [row] = await tx
    .select({
      deviceActive: elsewhere.active,
      active: credentials.active,
      hasPassword: hasPassword(sql`${credentials.id}`),
    })
    .from(elsewhere)
    .leftJoin(credentials, eq(credentials.id, id))
    .where(eq(elsewhere.id, deviceId));
  if (!row) throw new ApiProblem("request.not-found", "There is no such device.");
  if (!row.deviceActive) throw new ApiProblem("device.inactive");
  if (row.active !== true)
    throw new ApiProblem("credential.no-authenticator", "`authenticationCredentialId` names no active credential.");
  if (!row.hasPassword) throw new ApiProblem("credential.no-password");
}

function hasPassword(id: ReturnType<typeof sql>) {
  return sql<boolean>`exists (select 1 from secret_versions v where v.credential_id = ${id} and v.status = 'current')`;
}

async function readOpenCode(tx: Transaction, credentialId: string): Promise<string | null> {
  const [row] = await tx.execute<{ code: string }>(
    sql`select code from operations where open_credential_id = ${credentialId}`,
  );
  return row?.code ?? null;
}
