import type { RehearsalInput, RehearsalResult } from "../contracts/messages.ts";
import { withLimits } from "../contracts/policy.ts";
import { noteRehearsal, readForRehearsal } from "../db/queries/rehearsals.ts";
import { type Login, PluginFailure, type Session } from "../plugins/plugin.ts";
import { callOf } from "./calls.ts";
import type { ActivityDeps } from "./deps.ts";
import { withinBudget } from "./logins.ts";
import { account, openVersion, pluginDevice } from "./parties.ts";
import { bindScript } from "./scripts.ts";

/** Longest transcript that is kept. Characters. */
const MAX_TRANSCRIPT = 16_384;
/** A whole dialogue: each of its lines may wait as long as the settings or the template say. Milliseconds. */
const DIALOGUE_MS = 60_000;

/**
 * Logs in as a change of the credential would, and runs its template up to the first line that carries a password. What
 * was said is kept in the database: nothing of it goes through Temporal.
 */
export async function rehearse(deps: ActivityDeps, input: RehearsalInput): Promise<RehearsalResult> {
  const found = await readForRehearsal(deps.db, input.credentialId);
  if (!found) return { code: "credential.no-authenticator" };
  const { template, authenticator } = found;
  if (found.templateId === null) return { code: "credential.no-template" };
  if (!template) return { code: "template.not-active" };
  if (!found.current) return { code: "credential.no-password" };
  const plugin = deps.findPlugin(found.plugin);
  const device = plugin && pluginDevice(plugin, found.device);
  if (!plugin || !device) return { code: "credential.plugin-unknown" };
  const password = openVersion(deps.vault, found.current);
  const facts = { device: found.device, account: account(found.credential), authenticator, password };
  const script = bindScript(plugin, template, { vault: deps.vault, facts });
  if (!script) return { code: "template.no-rehearsal" };

  let transcript = "";
  const call = callOf(withLimits(await deps.settings(), found.policy?.limits), {
    signal: AbortSignal.timeout(DIALOGUE_MS),
    transcript: (line) => {
      if (transcript.length < MAX_TRANSCRIPT) transcript += `${line}\n`.slice(0, MAX_TRANSCRIPT);
    },
  });
  const login: Login = { ...account(authenticator), password };
  const budget = { account: found.authenticatorAccount, forProbe: false };
  let session: Session | undefined;
  let seen: { code: RehearsalResult["code"]; stoppedBefore: number | null };
  try {
    session = await withinBudget(deps, budget, () => plugin.open(device, login, call, script));
    if (!session.rehearse) return { code: "template.no-rehearsal" };
    seen = { code: "rehearsed", stoppedBefore: (await session.rehearse(script, call)) ?? null };
  } catch (error) {
    if (!(error instanceof PluginFailure)) throw error;
    if (error.message) call.transcript(error.message);
    seen = { code: error.code, stoppedBefore: null };
  } finally {
    if (session?.reusable()) await session.close();
  }
  const { rehearsalId: id, credentialId } = input;
  const { id: templateId, version } = template;
  await noteRehearsal(deps.db, { id, credentialId, templateId, version, transcript, ...seen });
  return { code: seen.code };
}
