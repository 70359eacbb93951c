/**
 * Reconciliation: a second account, with a plugin of its own, sets a password that no stored value opens. By hand, or
 * by itself after the outcomes that the settings name.
 */
import { eq, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { ErrorCode } from "../../contracts/errors.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { Transaction } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import { type Actor, WORKER } from "./audit.ts";
import type { PluginRules } from "./eligibility.ts";
import { type Opened, openOperations } from "./open-operations.ts";

const reconcilers = alias(credentials, "reconcilers");

async function readSettingsOf(tx: Transaction, credentialId: string) {
  const [row] = await tx
    .select({
      id: credentials.id,
      active: credentials.active,
      deviceActive: devices.active,
      enabled: credentials.reconciliationEnabled,
      reconcilerId: credentials.reconciliationCredentialId,
      reconcilerActive: reconcilers.active,
      reconcilerHasPassword: sql<boolean>`exists (select 1 from secret_versions
        where credential_id = ${reconcilers.id} and status = 'current')`,
      plugin: sql<string>`coalesce(${credentials.reconciliationPlugin}, ${credentials.plugin})`,
      templateId: credentials.reconciliationTemplateId,
      openCode: sql<string | null>`(select code from operations where open_credential_id = ${credentials.id})`,
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(reconcilers, eq(reconcilers.id, credentials.reconciliationCredentialId))
    .where(eq(credentials.id, credentialId));
  if (!row) throw new ApiProblem("credential.not-found");
  return row;
}

type ReconciliationRow = Awaited<ReturnType<typeof readSettingsOf>>;

/** @throws ApiProblem when what is set up cannot work */
function refuseSettings(row: ReconciliationRow, plugins: readonly PluginRules[]): void {
  const wrong = (detail: string) => new ApiProblem("credential.no-reconciliation", detail);
  if (row.reconcilerId === null) throw wrong("`reconciliation.credentialId` names no account.");
  if (row.reconcilerId === row.id) throw wrong("`reconciliation.credentialId` names the credential itself.");
  if (row.reconcilerActive !== true) throw wrong("The account that `reconciliation.credentialId` names is inactive.");
  const can = plugins.find(({ kind }) => kind === row.plugin)?.capabilities;
  if (!can) throw new ApiProblem("credential.plugin-unknown");
  if (!can.otherAccount) throw wrong(`The plugin ${row.plugin} changes no password through another account.`);
  if (can.template === "required" && row.templateId === null) throw new ApiProblem("credential.no-template");
}

/**
 * Refuses saved settings of a reconciliation that cannot work; settings that are switched off may be anything.
 * @throws ApiProblem `credential.no-reconciliation`, `credential.plugin-unknown`, `credential.no-template`
 */
export async function refuseBadReconciliation(
  tx: Transaction,
  credentialId: string,
  plugins: readonly PluginRules[],
): Promise<void> {
  const row = await readSettingsOf(tx, credentialId);
  if (row.enabled) refuseSettings(row, plugins);
}

/** What a person asks for one credential. */
export interface CredentialRequest {
  readonly credentialId: string;
  readonly reason: string;
  readonly actor: Actor;
  readonly plugins: readonly PluginRules[];
  /** When it is due; at once when absent. */
  readonly scheduledFor?: Date | undefined;
}

/** What a request for a reconciliation may be refused with. */
export const RECONCILIATION_REFUSALS = [
  "credential.not-found",
  "credential.inactive",
  "device.inactive",
  "credential.no-reconciliation",
  "credential.plugin-unknown",
  "credential.no-template",
  "credential.no-password",
  "credential.change-open",
] as const satisfies readonly ErrorCode[];

/**
 * Opens a reconciliation that a person asks for. A credential in attention may be reconciled: that is what it is for.
 * @throws ApiProblem one of {@link RECONCILIATION_REFUSALS}
 */
export async function requestReconciliation(tx: Transaction, request: CredentialRequest): Promise<Opened> {
  const { credentialId, reason, actor, scheduledFor: dueAt } = request;
  const row = await readSettingsOf(tx, credentialId);
  if (!row.active) throw new ApiProblem("credential.inactive");
  if (!row.deviceActive) throw new ApiProblem("device.inactive");
  if (!row.enabled) throw new ApiProblem("credential.no-reconciliation");
  refuseSettings(row, request.plugins);
  if (!row.reconcilerHasPassword) throw new ApiProblem("credential.no-password");
  if (row.openCode !== null) throw changeOpen(row.openCode);
  const [opened] = await openOperations(tx, {
    kind: "reconcile-password",
    priority: 2,
    reason,
    actor,
    items: [{ credentialId, trigger: "request", dueAt }],
  });
  // Somebody else was faster between the look and the insert, which has waited for them.
  if (!opened) throw changeOpen((await readSettingsOf(tx, credentialId)).openCode);
  return opened;
}

/** The refusal that names the operation in the way. */
export function changeOpen(openCode: string | null): ApiProblem {
  return new ApiProblem("credential.change-open", undefined, openCode === null ? {} : { openCode: Number(openCode) });
}

/**
 * Opens a reconciliation by itself, where the credential and the settings want one after this outcome. A reconciliation
 * that failed calls for no other, and one that did not succeed keeps others away for the cool-down.
 * @param failed.code operation that ended so; absent when a check found it
 */
export async function autoReconcile(
  tx: Transaction,
  failed: { credentialId: string; outcome: ErrorCode; code?: number },
  settings: Pick<Settings, "reconcileOn" | "coolDownDays">,
): Promise<Opened | undefined> {
  const { credentialId, outcome, code = null } = failed;
  if (!settings.reconcileOn.some((listed) => listed === outcome)) return undefined;
  const [wanted] = await tx.execute(sql`
    select 1 from credentials c join credentials r on r.id = c.reconciliation_credential_id and r.active
    where c.id = ${credentialId} and c.active and c.reconciliation_enabled and c.reconciliation_autorun
      and not exists (select 1 from operations where code = ${code}::bigint and kind = 'reconcile-password')
      and not exists (select 1 from operations o where o.credential_id = c.id and o.kind = 'reconcile-password'
        and o.trigger = 'reconcile' and o.state <> 'succeeded'
        and o.requested_at > now() - make_interval(days => ${settings.coolDownDays}))`);
  if (!wanted) return undefined;
  const reason = code === null ? `A check found ${outcome}.` : `Operation ${code} ended with ${outcome}.`;
  const [opened] = await openOperations(tx, {
    kind: "reconcile-password",
    priority: 2,
    reason,
    actor: WORKER,
    items: [{ credentialId, trigger: "reconcile" }],
  });
  return opened;
}
