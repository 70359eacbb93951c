/** Accounts of directories: Active Directory, OpenLDAP and others, without a template or by one. */
import type { CheckResult } from "../../contracts/messages.ts";
import { CannotCarry } from "../../templates/language/render.ts";
import { ACCOUNT_OPERATIONS } from "../kinds.ts";
import { type Call, type Device, type Login, PluginFailure, type Plugin } from "../plugin.ts";
import { connect, type Connection, readIdentity } from "./connection.ts";
import { PasswordRight } from "./failures.ts";
import { language } from "./language.ts";
import { legalPassword } from "./legal.ts";
import { bindName, isDn } from "./names.ts";
import { bindOf } from "./script.ts";
import { createSession } from "./session.ts";
import { LdapSettings } from "./settings.ts";

/**
 * Active Directory lets the old password in for so long, unless the domain says otherwise (`OldPasswordAllowedPeriod`):
 * https://learn.microsoft.com/en-us/troubleshoot/windows-server/windows-security/new-setting-modifies-ntlm-network-authentication
 * Milliseconds.
 */
const LINGER_MS = 3_600_000;

export const ldap: Plugin = {
  kind: "ldap",
  title: "LDAP directory",
  settings: LdapSettings,
  capabilities: {
    template: "optional",
    ownAccount: true,
    otherAccount: true,
    operations: ACCOUNT_OPERATIONS,
    propagationMs: 0,
    // A server that was busy or stopped reads what has arrived.
    settleMs: 5000,
    heavy: false,
  },
  language,
  legalPassword: (settings) => legalPassword(LdapSettings.parse(settings)),
  lingerMs: (settings) => (LdapSettings.parse(settings).directory === "active-directory" ? LINGER_MS : 0),
  identify: readIdentity,
  async open(device, login, call, script) {
    const told = script && nameOf(() => bindOf(script));
    const { connection, boundAs } = await logIn(device, login, call, told);
    return createSession({ connection, device, login, boundAs });
  },
  async verify(device, login, call) {
    try {
      const { connection, boundAs } = await logIn(device, login, call);
      return await looksRound(connection, call, boundAs).finally(() => void connection.close());
    } catch (error) {
      if (error instanceof PluginFailure) return verdictOf(error, call);
      throw error;
    }
  },
};

/** @throws PluginFailure where the template's name cannot hold a value */
function nameOf(work: () => string | undefined): string | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof CannotCarry) throw new PluginFailure("target.unexpected", error.message);
    throw error;
  }
}

/**
 * Connects and logs in, within the call's connect time.
 * @param told the name to log in with, where a template tells it
 * @throws PluginFailure
 */
async function logIn(device: Device, login: Login, call: Call, told?: string) {
  // A log-in without a password would be taken as one of nobody, and succeed (RFC 4513, 5.1.2).
  if (login.password.reveal() === "" || told === "")
    throw new PluginFailure("verify.no-password-asked", "A log-in needs a name and a password.");
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(call.connectTimeoutMs)]);
  const timed = { ...call, signal, readTimeoutMs: call.connectTimeoutMs };
  const connection = await connect(device, timed);
  try {
    const boundAs = told ?? (await bindName({ device, connection, call: timed, account: login }));
    await connection.bind(timed, boundAs, login.password);
    return { connection, boundAs };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** OpenLDAP lets an account in whose password was reset, and refuses it everything but a change. */
async function looksRound(connection: Connection, call: Call, boundAs: string): Promise<CheckResult> {
  // The overlay that refuses it belongs to one database: the directory's root would still answer.
  const base = isDn(boundAs) ? boundAs : "";
  try {
    await connection.search(call, { base, scope: "base", attributes: ["1.1"], limit: 1 });
  } catch (error) {
    if (!(error instanceof PluginFailure)) throw error;
    call.transcript(error.message);
    if (error.code === "auth.must-change") return { verdict: "accepted", code: "verify.must-change" };
  }
  return { verdict: "accepted", code: "verify.accepted" };
}

function verdictOf(error: PluginFailure, call: Call): CheckResult {
  if (error instanceof PasswordRight) return { verdict: "accepted", code: error.right };
  if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
  call.transcript(error.message);
  return { verdict: "unknown", code: error.code };
}
