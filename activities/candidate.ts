/** The new password of a change: made for everybody who will have it, or taken from the parent. */
import type { ErrorCode } from "../contracts/errors.ts";
import { intersectLegal, isLegal } from "../contracts/legal-password.ts";
import type { Secret } from "../contracts/secret.ts";
import { makesAccount } from "../contracts/states.ts";
import { DEFAULT_STRENGTH, type LegalPassword } from "../contracts/strength.ts";
import { generatePassword, PasswordImpossible } from "../crypto/generate-password.ts";
import type { CandidateFacts } from "../db/queries/stage-result.ts";
import { isOwn, type Parties, type VersionRow } from "../db/queries/stage-facts.ts";
import type { TemplateText } from "../db/queries/template-text.ts";
import type { Plugin } from "../plugins/plugin.ts";
import { legalFor } from "../templates/language/legal.ts";
import { carriesNewPassword } from "../templates/language/render.ts";
import type { ActivityDeps } from "./deps.ts";
import { openVersion, pluginDevice } from "./parties.ts";
import { scriptOf } from "./scripts.ts";

/** The password to set, or why the operation cannot be carried out: everything that needs no device to tell. */
export function candidate(
  deps: ActivityDeps,
  facts: CandidateFacts,
): { readonly password: Secret } | { readonly refusal: ErrorCode } {
  const { parties, parent } = facts;
  const plugin = deps.findPlugin(parties.plugin);
  const refusal = ineligible(plugin, parties, facts.login);
  if (refusal || !plugin) return { refusal: refusal ?? "credential.plugin-unknown" };
  const own = deps.findPlugin(parties.credential.plugin);
  const legals = legalHere(deps, plugin, parties);
  if (parties.kind === "user-creation" && !sendsNewPassword(plugin, parties)) return { refusal: "operation.template" };
  if (!own || !legals || parent === null) return { refusal: "operation.not-eligible" };
  if (parent) {
    const password = openVersion(deps.vault, parent);
    const isTaken = own.secretForm?.fits(password) ?? legals.every((legal) => isLegal(legal, password.reveal()));
    return isTaken ? { password } : { refusal: "child.password-not-legal" };
  }
  if (own.secretForm) return { password: own.secretForm.make() };
  return generate(parties, [...legals, ...legalForDescendants(deps, facts)]);
}

/** What the plugin that sets the password can take, and the credential's own, which proves it; undefined: not set up. */
function legalHere(deps: ActivityDeps, plugin: Plugin, parties: Parties): LegalPassword[] | undefined {
  const { device: row, template } = parties;
  const own = deps.findPlugin(parties.credential.plugin);
  const found = [...new Set([plugin, own])].map((one) => {
    const device = one && pluginDevice(one, row);
    return device && one.legalPassword(device.settings, isOwn(parties));
  });
  const legals = found.filter((legal) => legal !== undefined);
  return found.length === legals.length ? [...legals, ...legalForTemplate(plugin, template)] : undefined;
}

/** Whether the template that runs now still does what was asked for. */
function sendsNewPassword(plugin: Plugin, { template }: Parties): boolean {
  return scriptOf(plugin, template)?.commands.some(carriesNewPassword) ?? false;
}

/** What the places can carry at which a template puts the password. */
function legalForTemplate(plugin: Plugin, template: TemplateText | null): LegalPassword[] {
  const script = scriptOf(plugin, template);
  return script && plugin.language ? [legalFor(script, plugin.language)] : [];
}

function generate(parties: Parties, legals: readonly LegalPassword[]) {
  const legal = intersectLegal(legals);
  try {
    if (legal) return { password: generatePassword(parties.rules ?? DEFAULT_STRENGTH, legal) };
  } catch (error) {
    if (!(error instanceof PasswordImpossible)) throw error;
  }
  return { refusal: "operation.not-eligible" } as const;
}

/**
 * What the devices of all who take the same value can take. One that is not set up does not narrow it, nor one whose
 * secret is no password: that child's own change says so.
 */
function legalForDescendants(deps: ActivityDeps, { descendants }: CandidateFacts): LegalPassword[] {
  return descendants.flatMap(({ plugin: kind, device: row, own, template }) => {
    const plugin = deps.findPlugin(kind);
    const device = plugin && pluginDevice(plugin, row);
    if (!plugin || !device || plugin.secretForm) return [];
    return [plugin.legalPassword(device.settings, own), ...legalForTemplate(plugin, template)];
  });
}

function ineligible(
  plugin: Plugin | undefined,
  parties: Parties,
  login: VersionRow | undefined,
): ErrorCode | undefined {
  const { credential, device, authenticator } = parties;
  if (!credential.active || !authenticator.active) return "credential.inactive";
  if (!device.active) return "device.inactive";
  if (parties.needsAutomaticChange && !credential.automaticChange) return "credential.not-automatic";
  if (!plugin) return "credential.plugin-unknown";
  if (parties.templateId !== null && parties.template === null) return "template.not-active";
  if (plugin.capabilities.template === "required" && parties.template === null) return "credential.no-template";
  if (!login) return "credential.no-password";
  const own = isOwn(parties);
  // Who is to be made cannot log in to do it.
  if (own && makesAccount(parties.kind)) return "credential.no-authenticator";
  if (own ? !plugin.capabilities.ownAccount : !plugin.capabilities.otherAccount) return "operation.not-eligible";
  return undefined;
}
