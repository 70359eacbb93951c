/** Roles of a PostgreSQL server: `ALTER ROLE` with a verifier computed here, by the role itself or another one. */
import pg from "pg";
import type { CheckResult } from "../../contracts/messages.ts";
import { ACCOUNT_OPERATIONS } from "../kinds.ts";
import { PluginFailure, type Plugin } from "../plugin.ts";
import { cutInTime } from "../tls/wait.ts";
import { LIMIT_MS } from "./deadline.ts";
import { loginFailure } from "./failures.ts";
import { language } from "./language.ts";
import { LEGAL } from "./legal.ts";
import { logIn, type LoginResult } from "./login.ts";
import { createSession } from "./session.ts";
import { PostgresqlSettings } from "./settings.ts";
import { readIdentity } from "./socket.ts";

/** How long a server may take to close after a farewell. Milliseconds. */
const GOODBYE_MS = 1000;

export const postgresql: Plugin = {
  kind: "postgresql",
  title: "PostgreSQL",
  settings: PostgresqlSettings,
  capabilities: {
    template: "optional",
    ownAccount: true,
    otherAccount: true,
    operations: ACCOUNT_OPERATIONS,
    propagationMs: 0,
    settleMs: LIMIT_MS,
    heavy: false,
  },
  language,
  legalPassword: () => LEGAL,
  identify: readIdentity,
  async open(device, login, call) {
    const result = await logIn(device, login, call);
    if ("error" in result) throw loginFailure(result.error);
    return createSession(result);
  },
  async verify(device, login, call) {
    try {
      const result = await logIn(device, login, call);
      cutInTime(result.socket, { signal: call.signal, silenceMs: GOODBYE_MS });
      result.client.end().catch(() => {});
      return verdictOf(result);
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      call.transcript(error.message);
      return { verdict: "unknown", code: error.code };
    }
  },
};

/**
 * PostgreSQL checks the password first and everything else after it has said "authenticated": a refusal that follows
 * (NOLOGIN, no such database, too many connections) proves the password. A passed VALID UNTIL does not: it is answered
 * like a wrong password.
 */
function verdictOf({ asked, checked, authenticated, error }: LoginResult): CheckResult {
  // Any other error after "authenticated" is our own, about a server that could not prove itself.
  const satisfied = authenticated && (error === undefined || error instanceof pg.DatabaseError);
  if (satisfied && !checked) return { verdict: "unknown", code: "verify.no-password-asked" };
  const failure = error === undefined ? undefined : loginFailure(error);
  if (satisfied)
    return {
      verdict: "accepted",
      code: failure?.code === "auth.locked" ? "verify.account-expired" : "verify.accepted",
    };
  if (asked && failure?.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
  return { verdict: "unknown", code: failure?.code ?? "target.unexpected" };
}
