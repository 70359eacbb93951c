/** SQL logins of a Microsoft SQL Server: `ALTER LOGIN`, by the login itself or another one. */
import type { CheckResult } from "../../contracts/messages.ts";
import { ACCOUNT_OPERATIONS } from "../kinds.ts";
import { PluginFailure, type Plugin } from "../plugin.ts";
import type { Driver } from "./driver.ts";
import { language } from "./language.ts";
import { LEGAL } from "./legal.ts";
import { createSession, LIMIT_MS, PREPARE } from "./session.ts";
import { SqlServerSettings } from "./settings.ts";
import { driver as tedious } from "./tedious.ts";

/** The plugin on a driver: the real one, or a test's. */
export function createSqlServer(driver: Driver): Plugin {
  return {
    kind: "sql-server",
    title: "Microsoft SQL Server",
    experimental: true,
    settings: SqlServerSettings,
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
    identify: (device, call) => driver.identify(device, call),
    async open(device, login, call) {
      const connection = await driver.connect(device, login, call);
      try {
        await connection.ask(call, PREPARE);
        return createSession(connection);
      } catch (error) {
        connection.destroy();
        throw error;
      }
    },
    async verify(device, login, call) {
      try {
        const connection = await driver.connect(device, login, call);
        // Not waited for: the answer is known.
        void connection.close();
        return { verdict: "accepted", code: "verify.accepted" };
      } catch (error) {
        if (!(error instanceof PluginFailure)) throw error;
        call.transcript(error.message);
        return verdictOf(error);
      }
    },
  };
}

export const sqlServer = createSqlServer(tedious);

/** Of a login that is disabled, locked or must change its password it is not proven here when the server says so. */
function verdictOf({ code }: PluginFailure): CheckResult {
  return code === "auth.rejected" ? { verdict: "rejected", code: "verify.rejected" } : { verdict: "unknown", code };
}
