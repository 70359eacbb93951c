/** The new password of a change: made for everybody who will have it, or taken from the parent. */
import type { ErrorCode } from "../contracts/errors.ts";
import { intersectLegal, isLegal } from "../contracts/legal-password.ts";
import type { Secret } from "../contracts/secret.ts";
import { DEFAULT_STRENGTH, type LegalPassword } from "../contracts/strength.ts";
import { generatePassword, PasswordImpossible } from "../crypto/generate-password.ts";
import type { CandidateFacts } from "../db/queries/stage.ts";
import type { Parties, VersionRow } from "../db/queries/stage-facts.ts";
import type { Plugin } from "../plugins/plugin.ts";
import type { ActivityDeps } from "./deps.ts";
import { isOwn, openVersion, pluginDevice } from "./parties.ts";

/** The password to set, or why the operation cannot be carried out: everything that needs no device to tell. */
export function candidate(
  deps: ActivityDeps,
  facts: CandidateFacts,
): { readonly password: Secret } | { readonly refusal: ErrorCode } {
  const { parties } = facts;
  const plugin = deps.findPlugin(parties.plugin);
  const refusal = ineligible(plugin, parties, facts.login);
  if (refusal || !plugin) return { refusal: refusal ?? "credential.plugin-unknown" };
  const legals = legalHere(deps, plugin, parties);
  if (!legals) return { refusal: "operation.not-eligible" };
  if (facts.parent === null) return { refusal: "operation.not-eligible" };
  if (facts.parent) {
    const password = openVersion(deps.vault, facts.parent);
    const isTaken = legals.every((legal) => isLegal(legal, password.reveal()));
    return isTaken ? { password } : { refusal: "child.password-not-legal" };
  }
  return generate(parties, [...legals, ...legalForDescendants(deps, facts)]);
}

/** What the plugin that sets the password can take, and the credential's own, which proves it; undefined: not set up. */
function legalHere(deps: ActivityDeps, plugin: Plugin, parties: Parties): LegalPassword[] | undefined {
  const own = deps.findPlugin(parties.credential.plugin);
  const legals = [...new Set([plugin, own])].map((one) => {
    const device = one && pluginDevice(one, parties.device);
    return device && one.legalPassword(device.settings, isOwn(parties));
  });
  const found = legals.filter((legal) => legal !== undefined);
  return found.length === legals.length ? found : undefined;
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

/** What the devices of all who take the same value can take. One that is not set up does not narrow it. */
function legalForDescendants(deps: ActivityDeps, { descendants }: CandidateFacts): LegalPassword[] {
  return descendants.flatMap((descendant) => {
    const plugin = deps.findPlugin(descendant.plugin);
    const device = plugin && pluginDevice(plugin, descendant.device);
    return plugin && device ? [plugin.legalPassword(device.settings, descendant.own)] : [];
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
  if (!login) return "credential.no-password";
  const own = isOwn(parties);
  if (own ? !plugin.capabilities.ownAccount : !plugin.capabilities.otherAccount) return "operation.not-eligible";
  return undefined;
}
