/** What stage must know before it takes an operation: read in one round trip, under the operation's and device's locks. */
import { and, eq, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { Settings } from "../../contracts/settings.schema.ts";
import { isJob, type OperationKind } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import {
  type attempts,
  credentials,
  devices,
  operations,
  policies,
  secretVersions,
  strengths,
} from "../schema/index.ts";
import { accountKey, budgetFreeAt } from "./login-budget.ts";
import { pausedNow } from "./pauses.ts";
import { type TemplateText, templateText } from "./template-text.ts";

const authenticators = alias(credentials, "authenticators");

export type CredentialRow = typeof credentials.$inferSelect;
export type DeviceRow = typeof devices.$inferSelect;
export type OperationRow = typeof operations.$inferSelect;
export type VersionRow = typeof secretVersions.$inferSelect;

/** The account that logs in: what of its row is needed for that. */
export type Authenticator = Pick<
  CredentialRow,
  "id" | "username" | "domain" | "additionalInfo" | "active" | "totpSealed"
>;

/** The account that is changed, where it lives, and the account and plugin that change it. */
export interface Parties {
  readonly credential: CredentialRow;
  readonly device: DeviceRow;
  readonly authenticator: Authenticator;
  readonly plugin: string;
  readonly templateId: string | null;
  readonly templateVersion: number | null;
  /** What the plugin is told to do; null when nothing is set, or when that may not run now. */
  readonly template: TemplateText | null;
  /** The credential's own template, which may say how to log in. The same one, but for a reconciliation. */
  readonly ownTemplate: TemplateText | null;
  /** Budget keys of both accounts. */
  readonly account: string;
  readonly authenticatorAccount: string;
  readonly rules: typeof strengths.$inferSelect.rules | null;
  /** What the operation's policy says. */
  readonly policy: Pick<typeof policies.$inferSelect, "windows" | "limits"> | null;
  readonly kind: OperationKind;
  /** Whether it is about no stored credential: `credential` is only the account that logs in. */
  readonly elsewhere: boolean;
  /** Of the operation: values for tags of its template. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Whether other credentials have it as their parent. */
  readonly hasChildren: boolean;
  /** Whether its owner must have switched automatic change on: not for what a parent or a reconciliation demands. */
  readonly needsAutomaticChange: boolean;
}

/** Whether the account itself logs in to be changed. */
export function isOwn({ credential, authenticator, elsewhere }: Parties): boolean {
  return credential.id === authenticator.id && !elsewhere;
}

/** What of an operation decides who its parties are. */
export type PartiesOf = Pick<
  OperationRow,
  "credentialId" | "kind" | "policyId" | "templateId" | "parameters" | "loginCredentialId" | "deviceId"
>;

/** What an attempt began with: who looks into it goes on with that, whatever was edited since. */
type Begun = Pick<typeof attempts.$inferSelect, "plugin" | "templateId" | "templateVersion">;

/**
 * Loads credential, device and authenticator; undefined when the credential names no authenticator that exists.
 * A reconciliation logs in with the account, and speaks through the plugin, that are set for it. An operation with
 * a template of its own is carried out by that template's plugin; one without a credential on the device that it names.
 * @param begun of an attempt that is looked into; without it, what holds now
 */
export async function readParties(tx: Transaction, operation: PartiesOf, begun?: Begun): Promise<Parties | undefined> {
  const row = await readRow(tx, operation, begun);
  if (!row) return undefined;
  const { kind, parameters, loginCredentialId } = operation;
  const { credential, device, template, ...found } = row;
  const ownOnly = kind === "verify-password" || loginCredentialId !== null;
  const own = ownOnly || (credential.useOwnCredential && kind !== "reconcile-password");
  // Whoever logged in for it may have been taken away: what the account has is asked with its own passwords.
  const authenticator = own ? credential : (row.other ?? (begun && credential));
  if (!authenticator) return undefined;
  return {
    credential,
    device,
    authenticator,
    plugin: begun?.plugin ?? pluginOf(operation, credential, template),
    templateId: row.templateId,
    templateVersion: template?.version ?? null,
    template,
    ownTemplate: template?.id === credential.templateId ? template : row.ownTemplate,
    account: accountKey(loginCredentialId === null ? credential : { ...credential, deviceId: device.id }),
    // A domain account is one account wherever it logs in; a local one is the device's own.
    authenticatorAccount: accountKey({ ...authenticator, deviceId: device.id }),
    rules: found.rules,
    policy: found.policy,
    kind,
    elsewhere: loginCredentialId !== null,
    parameters,
    hasChildren: found.hasChildren,
    needsAutomaticChange: kind === "change-password",
  };
}

async function readRow(tx: Transaction, operation: PartiesOf, begun: Begun | undefined) {
  const { credentialId, policyId, loginCredentialId } = operation;
  const reconciles = operation.kind === "reconcile-password";
  const ofKind = reconciles ? credentials.reconciliationTemplateId : credentials.templateId;
  const templateId = begun
    ? sql<string | null>`${begun.templateId}::uuid`
    : sql<string | null>`coalesce(${operation.templateId}::uuid, ${ofKind})`;
  const other = reconciles ? credentials.reconciliationCredentialId : credentials.authenticationCredentialId;
  const [row] = await tx
    .select({
      credential: credentials,
      device: devices,
      other: {
        id: authenticators.id,
        username: authenticators.username,
        domain: authenticators.domain,
        additionalInfo: authenticators.additionalInfo,
        active: authenticators.active,
        totpSealed: authenticators.totpSealed,
      },
      templateId,
      template: templateText(templateId, begun?.templateVersion ?? null),
      ownTemplate: templateText(sql`${credentials.templateId}`),
      rules: strengths.rules,
      policy: { windows: policies.windows, limits: policies.limits },
      hasChildren: sql<boolean>`exists (select 1 from credentials c where c.parent_credential_id = ${credentials.id})`,
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, loginCredentialId === null ? credentials.deviceId : operation.deviceId))
    .leftJoin(authenticators, eq(authenticators.id, other))
    .leftJoin(policies, sql`${policies.id} = ${policyId}::uuid`)
    .leftJoin(
      strengths,
      sql`${strengths.id} = coalesce(${credentials.strengthId}, ${policies.strengthId}, (select id from strengths where name = 'default'))`,
    )
    .where(eq(credentials.id, credentialId))
    // Operation, credential, device: whoever locks several does it in this order. An edit that names another account
    // waits, and then finds the candidate.
    .for("no key update", { of: credentials });
  return row;
}

function pluginOf(operation: PartiesOf, credential: CredentialRow, template: TemplateText | null): string {
  const { kind, templateId } = operation;
  const ofCredential = kind === "reconcile-password" ? credential.reconciliationPlugin : null;
  const instead = templateId === null ? ofCredential : template?.plugin;
  return instead ?? credential.plugin;
}

export interface Hindrances {
  /** A candidate or doubtful version that must be resolved first. */
  readonly openVersionId: string | null;
  readonly nextVersion: number;
  /**
   * The authenticator is itself being changed, or its password was rejected and not mended since. Not while that change
   * waits for an authenticator, too: two could wait for each other.
   */
  readonly authenticatorBusy: boolean;
  readonly budgetFreeAt: Date | null;
  readonly breakerUntil: Date | null;
  readonly due: boolean;
  /** Automatic changes of its site or policy, or all of them, are paused. */
  readonly paused: boolean;
  /** By the database's clock: a worker's own may be wrong, and would change passwords outside of their windows. */
  readonly now: Date;
}

/** What stands in the way right now. */
export async function readHindrances(tx: Transaction, operation: OperationRow, parties: Parties, settings: Settings) {
  const { credential, authenticator, device } = parties;
  // A job does not log in to the account that it is about: a locked one may wait for just that.
  const target = isJob(operation) ? parties.authenticatorAccount : parties.account;
  const shared = authenticator.id !== credential.id || operation.loginCredentialId !== null;
  const [row] = await tx.execute<{
    [K in keyof Hindrances]: Hindrances[K] extends Date | null ? Exclude<Hindrances[K], Date> | string : Hindrances[K];
  }>(sql`
    select (select id from secret_versions where credential_id = ${credential.id} and status in ('candidate', 'doubtful')) as "openVersionId",
           (select coalesce(max(version), 0) + 1 from secret_versions where credential_id = ${credential.id})::int as "nextVersion",
           ${shared} and (
             exists (select 1 from operations where open_credential_id = ${authenticator.id} and state = 'running'
               and waiting_for is distinct from 'authenticator')
             or exists (select 1 from credentials a join secret_versions v on v.credential_id = a.id and v.status = 'current'
                        where a.id = ${authenticator.id} and a.last_check = 'rejected'
                        and a.last_check_at > coalesce(v.promoted_at, v.created_at))) as "authenticatorBusy",
           greatest(${budgetFreeAt(target, settings)}, ${budgetFreeAt(parties.authenticatorAccount, settings)}) as "budgetFreeAt",
           (select breaker_until from devices where id = ${device.id} and breaker_until > now()) as "breakerUntil",
           (select due_at <= now() from operations where code = ${operation.code}) as "due",
           ${pausedNow(operation)} as "paused", clock_timestamp() as "now"`);
  if (!row) throw new Error("the hindrances query gave no row");
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return {
    ...row,
    budgetFreeAt: date(row.budgetFreeAt),
    breakerUntil: date(row.breakerUntil),
    now: new Date(row.now),
  } satisfies Hindrances;
}

/** The current version of a credential, if it has one. */
export async function readCurrent(db: Database | Transaction, credentialId: string): Promise<VersionRow | undefined> {
  const [row] = await db
    .select()
    .from(secretVersions)
    .where(and(eq(secretVersions.credentialId, credentialId), eq(secretVersions.status, "current")));
  return row;
}

/** Whether a credential's own password is being changed right now. */
export async function isChanging(db: Database, credentialId: string): Promise<boolean> {
  const open = await db
    .select({ code: operations.code })
    .from(operations)
    .where(and(eq(operations.openCredentialId, credentialId), eq(operations.state, "running")));
  return open.length > 0;
}
