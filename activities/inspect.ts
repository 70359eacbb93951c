import type { ErrorCode } from "../contracts/errors.ts";
import type { CheckResult } from "../contracts/messages.ts";
import { type Limits, withLimits } from "../contracts/policy.ts";
import { noteCheck } from "../db/queries/attempt.ts";
import { wakeDependents } from "../db/queries/permits.ts";
import { noteIdentity, readForCheck, readForIdentify } from "../db/queries/inspect.ts";
import { PluginFailure } from "../plugins/plugin.ts";
import { callOf } from "./calls.ts";
import type { ActivityDeps } from "./deps.ts";
import { type BudgetedCheck, checkWithinBudget } from "./logins.ts";
import { account, openVersion, pluginDevice } from "./parties.ts";
import { bindScript } from "./scripts.ts";

/** Whose stored password is tried. */
type Stored = Pick<
  NonNullable<Awaited<ReturnType<typeof readForCheck>>>,
  "credential" | "device" | "current" | "account" | "ownTemplate"
>;

interface CheckHow {
  readonly forProbe: boolean;
  readonly limits?: Limits | null | undefined;
  transcript?(line: string): void;
}

/** One log-in with the current password of a credential, within its account's budget. Notes nothing. */
export async function checkStored(deps: ActivityDeps, stored: Stored, how: CheckHow): Promise<BudgetedCheck> {
  const plugin = deps.findPlugin(stored.credential.plugin);
  const device = plugin && pluginDevice(plugin, stored.device);
  if (!plugin || !device) return { verdict: "unknown", code: "credential.plugin-unknown" };
  if (!stored.current) return { verdict: "unknown", code: "credential.no-password" };
  const { credential, device: row, ownTemplate } = stored;
  const password = openVersion(deps.vault, stored.current);
  const login = { ...account(credential), password };
  const facts = { device: row, account: account(credential), authenticator: credential, password };
  const script = bindScript(plugin, ownTemplate, { vault: deps.vault, facts });
  const { limits, transcript = () => {} } = how;
  const asked = callOf(withLimits(await deps.settings(), limits), { transcript });
  return checkWithinBudget(deps, { account: stored.account, forProbe: how.forProbe }, () =>
    plugin.verify(device, login, asked, script),
  );
}

/** Says whether the stored password of a credential logs in, and keeps the answer. Changes nothing on the device. */
export async function checkCredential(deps: ActivityDeps, credentialId: string): Promise<CheckResult> {
  const row = await readForCheck(deps.db, credentialId);
  if (!row) return { verdict: "unknown", code: "credential.not-found" };
  // A person who mended a password proves it with the unit that is kept for finding out what is true.
  const { verdict, code } = await checkStored(deps, row, { forProbe: true });
  if (row.current) await noteCheck(deps.db, { credentialId, versionId: row.current.id }, { verdict, code });
  if (verdict === "accepted") await deps.wake(await deps.db.transaction((tx) => wakeDependents(tx, credentialId)));
  return { verdict, code };
}

/**
 * Asks a device for its host key or certificate, without logging in, and keeps it as seen.
 */
export async function identifyDevice(deps: ActivityDeps, deviceId: string): Promise<{ code: ErrorCode | "seen" }> {
  const row = await readForIdentify(deps.db, deviceId);
  if (!row) return { code: "request.not-found" };
  const kinds = [...row.kinds, ...Object.keys(row.device.settings)];
  const plugin = kinds.map((kind) => deps.findPlugin(kind)).find((found) => found !== undefined);
  const device = plugin && pluginDevice(plugin, row.device);
  if (!plugin || !device) return { code: "credential.plugin-unknown" };
  try {
    const identity = await plugin.identify(device, callOf(await deps.settings(), { transcript: () => {} }));
    if (!identity) return { code: "target.identity-unknown" };
    await noteIdentity(deps.db, deviceId, identity);
    return { code: "seen" };
  } catch (error) {
    if (error instanceof PluginFailure) return { code: error.code };
    throw error;
  }
}
