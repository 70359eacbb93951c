/** Accounts of a MySQL or MariaDB server: by hash where the server takes one, by themselves or another account. */
import type { CheckResult } from "../../contracts/messages.ts";
import { ACCOUNT_OPERATIONS } from "../kinds.ts";
import { PluginFailure, type Plugin } from "../plugin.ts";
import { refuseOther, whoAmI } from "./account.ts";
import { connect } from "./connection.ts";
import { ServerFailure } from "./failures.ts";
import { language } from "./language.ts";
import { LEGAL } from "./legal.ts";
import { readIdentity } from "./proof.ts";
import { createSession, LIMIT_S, prepare } from "./session.ts";
import { MysqlSettings, settingsOf } from "./settings.ts";

export const mysql: Plugin = {
  kind: "mysql",
  title: "MySQL and MariaDB",
  settings: MysqlSettings,
  capabilities: {
    template: "optional",
    ownAccount: true,
    otherAccount: true,
    operations: ACCOUNT_OPERATIONS,
    propagationMs: 0,
    settleMs: LIMIT_S * 1000,
    heavy: false,
  },
  language,
  legalPassword: () => LEGAL,
  identify: readIdentity,
  async open(device, login, call) {
    const connection = await connect(device, login, call);
    try {
      const me = await whoAmI(connection, call);
      await prepare(connection, call);
      return createSession({ connection, me, form: settingsOf(device).passwordForm });
    } catch (error) {
      connection.destroy();
      throw error;
    }
  },
  async verify(device, login, call) {
    try {
      const connection = await connect(device, login, call);
      try {
        refuseOther(login, await whoAmI(connection, call));
      } finally {
        // Not waited for: the answer is known.
        void connection.close();
      }
      return { verdict: "accepted", code: "verify.accepted" };
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      call.transcript(error.message);
      return verdictOf(error);
    }
  },
};

/** MariaDB says so only after the right password. */
const LOCKED = 4151;

/** That a password has expired is said after it was found right, by every server. */
function verdictOf(failure: PluginFailure): CheckResult {
  const { code } = failure;
  if (code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
  if (code === "auth.must-change") return { verdict: "accepted", code: "verify.must-change" };
  if (failure instanceof ServerFailure && failure.errno === LOCKED)
    return { verdict: "accepted", code: "verify.account-expired" };
  return { verdict: "unknown", code };
}
