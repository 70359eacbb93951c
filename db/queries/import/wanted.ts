/** What a row makes of a credential, and whether that can work: the rules that the API has for one credential. */
import type { CredentialPatch } from "../../../contracts/credentials.schema.ts";
import type { Secret } from "../../../contracts/secret.ts";
import type { PluginRules } from "../eligibility.ts";
import { changesForm, SAME_FORM } from "../secret-form.ts";
import { type Draft, refuse } from "./match.ts";
import type { CredentialCells } from "./row.ts";
import type { StoredPassword } from "./stored.ts";

/** Columns of a credential that a row sets; an absent one stays as it is. */
export interface WantedColumns extends CredentialCells {
  readonly parentCredentialId?: string | null;
  readonly authenticationCredentialId?: string | null;
  readonly reconciliationCredentialId?: string | null;
}

/** A named connection account says by itself that the own one is not meant. */
export function wantedColumns({ row, references, templates }: Draft): WantedColumns {
  const parent = references.get("parent");
  const connection = references.get("connection");
  const reconciliation = references.get("reconciliation");
  return {
    ...row.credential,
    ...templates,
    ...(connection && row.credential.useOwnCredential === undefined ? { useOwnCredential: false } : {}),
    ...(parent === undefined ? {} : { parentCredentialId: parent?.id ?? null }),
    ...(connection === undefined ? {} : { authenticationCredentialId: connection?.id ?? null }),
    ...(reconciliation === undefined ? {} : { reconciliationCredentialId: reconciliation?.id ?? null }),
  };
}

/** The same as an edit of a credential says it. */
export function wantedPatch(columns: WantedColumns): CredentialPatch {
  const {
    reconciliationEnabled: enabled,
    reconciliationAutorun: autorun,
    reconciliationCredentialId: credentialId,
    reconciliationPlugin: plugin,
    reconciliationTemplateId: templateId,
    ...patch
  } = columns;
  return { ...patch, reconciliation: { enabled, autorun, credentialId, plugin, templateId } };
}

/** @param plugins the registered ones */
export function checkSettings(draft: Draft, plugins: readonly PluginRules[]): void {
  const after = { ...draft.stored, ...wantedColumns(draft) };
  if (draft.references.get("connection") && after.useOwnCredential === true)
    refuse(draft, "useOwnCredential", {
      code: "request.invalid",
      rule: "must be no where a connection username is given",
    });
  if (after.useOwnCredential === false && (after.authenticationCredentialId ?? null) === null)
    refuse(draft, "connectionUsername", {
      code: "credential.no-authenticator",
      rule: "must be given where the own credential is not used",
    });
  if (after.reconciliationEnabled === true) checkReconciliation(draft, after, plugins);
}

function checkReconciliation(draft: Draft, after: WantedColumns, plugins: readonly PluginRules[]): void {
  if ((after.reconciliationCredentialId ?? null) === null)
    refuse(draft, "reconciliationUsername", {
      code: "credential.no-reconciliation",
      rule: "must be given where reconciliation is on",
    });
  const column = after.reconciliationPlugin ? "reconciliationPlugin" : "plugin";
  const can = plugins.find(({ kind }) => kind === (after.reconciliationPlugin ?? after.plugin))?.capabilities;
  if (!can)
    refuse(draft, column, { code: "credential.plugin-unknown", rule: "must be the kind of a registered plugin" });
  else if (!can.otherAccount)
    refuse(draft, column, {
      code: "credential.no-reconciliation",
      rule: "must be a plugin that can change a password through another account",
    });
  else if (can.template === "required" && (after.reconciliationTemplateId ?? null) === null)
    refuse(draft, "reconciliationTemplate", {
      code: "credential.no-template",
      rule: "must be given for this plugin",
    });
}

/** @param plugins the registered ones */
export function checkSecretForm(draft: Draft, plugins: readonly PluginRules[]): void {
  const { password, credential } = draft.row;
  const kind = credential.plugin ?? draft.stored?.plugin;
  const form = plugins.find((plugin) => plugin.kind === kind)?.secretForm;
  if (password && form?.fits(password) === false)
    refuse(draft, "password", { code: "request.invalid", rule: form.rule, got: "another text" });
}

export function changesPlugin({ row, stored }: Draft): boolean {
  const { plugin } = row.credential;
  return stored !== undefined && plugin !== undefined && plugin !== stored.plugin;
}

/** A password that may be live is looked for at the account it was sent to, by the plugin that sent it. */
export function checkDoubt(draft: Draft, { unresolved }: StoredPassword): void {
  if (unresolved !== null && changesPlugin(draft))
    refuse(draft, "plugin", {
      code: "credential.unresolved",
      rule: `must be left out or be as stored while version ${unresolved} is in doubt`,
    });
}

/** Passwords are nothing to a plugin of keys, nor keys to one of passwords. */
export function checkOtherForm(draft: Draft, { lastVersion }: StoredPassword, plugins: readonly PluginRules[]): void {
  const { stored, row } = draft;
  const { plugin } = row.credential;
  if (stored && plugin !== undefined && lastVersion > 0 && changesForm(plugins, stored.plugin, plugin))
    refuse(draft, "plugin", { code: "request.invalid", rule: SAME_FORM, got: "one with another kind of secret" });
}

/** Opens a sealed value of a credential; undefined when it cannot be opened any more. */
export type OpenStored = (
  sealed: Buffer,
  binding: { versionId: string; credentialId: string; version: number },
) => Secret | undefined;

/** Whether the row's password is another than the stored one; refuses the row where it may not be stored now. */
export function checkPassword(draft: Draft, stored: StoredPassword, open: OpenStored): boolean {
  const { password } = draft.row;
  if (!password || draft.id === undefined) return false;
  const { current } = stored;
  if (current?.sealed) {
    const binding = { versionId: current.id, credentialId: draft.id, version: current.version };
    if (open(current.sealed, binding)?.reveal() === password.reveal()) return false;
  }
  if (stored.openCode !== null)
    refuse(draft, "password", {
      code: "credential.change-open",
      rule: `must be left out or be as stored while operation ${stored.openCode} is open`,
    });
  if (stored.unresolved !== null)
    refuse(draft, "password", {
      code: "credential.unresolved",
      rule: `must be left out or be as stored while version ${stored.unresolved} is in doubt`,
    });
  return true;
}
