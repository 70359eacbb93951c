/** Users of an Oracle database: `ALTER USER … IDENTIFIED BY`, by the user itself or another one. */
import type { CheckResult } from "../../contracts/messages.ts";
import { ACCOUNT_OPERATIONS } from "../kinds.ts";
import { PluginFailure, type Plugin } from "../plugin.ts";
import type { Driver } from "./driver.ts";
import { language } from "./language.ts";
import { LEGAL } from "./legal.ts";
import { logIn, readIdentity } from "./login.ts";
import { driver as oracledb } from "./oracledb.ts";
import { createSession } from "./session.ts";
import { OracleSettings } from "./settings.ts";

/** The plugin on a driver: the real one, or a test's. */
export function createOracle(driver: Driver): Plugin {
  return {
    kind: "oracle",
    title: "Oracle Database",
    experimental: true,
    settings: OracleSettings,
    capabilities: {
      template: "optional",
      ownAccount: true,
      otherAccount: true,
      operations: ACCOUNT_OPERATIONS,
      propagationMs: 0,
      // A database that was busy or stopped reads what has arrived.
      settleMs: 10_000,
      heavy: false,
    },
    language,
    legalPassword: () => LEGAL,
    identify: readIdentity,
    open: async (device, login, call) => createSession(await logIn(driver, login, { device, call })),
    async verify(device, login, call) {
      try {
        const connection = await logIn(driver, login, { device, call });
        // Not waited for: the answer is known.
        connection.close().catch(() => {});
        return { verdict: "accepted", code: "verify.accepted" };
      } catch (error) {
        if (!(error instanceof PluginFailure)) throw error;
        call.transcript(error.message);
        return verdictOf(error);
      }
    },
  };
}

export const oracle = createOracle(oracledb);

/** Of a user that is locked, or whose password has expired, it is not proven here when the server says so. */
function verdictOf({ code }: PluginFailure): CheckResult {
  return code === "auth.rejected" ? { verdict: "rejected", code: "verify.rejected" } : { verdict: "unknown", code };
}
