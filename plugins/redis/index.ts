/** Users of a Redis server (6 and later): `ACL SETUSER` with the password's hash, written to disk. */
import { PASSWORD_OPERATIONS } from "../kinds.ts";
import { PluginFailure, type Plugin } from "../plugin.ts";
import { readIdentity } from "./connection.ts";
import { LEGAL } from "./legal.ts";
import { isChecked, logIn } from "./login.ts";
import { createSession } from "./session.ts";
import { saveUsers } from "./user.ts";
import { RedisSettings } from "./settings.ts";

export const redis: Plugin = {
  kind: "redis",
  title: "Redis",
  settings: RedisSettings,
  capabilities: {
    template: "none",
    ownAccount: true,
    otherAccount: true,
    operations: PASSWORD_OPERATIONS,
    propagationMs: 0,
    // A server that was busy or stopped reads what has arrived.
    settleMs: 5000,
    heavy: false,
  },
  legalPassword: () => LEGAL,
  identify: readIdentity,
  open: async (device, login, call) => createSession(await logIn(device, login, call)),
  async save(device, login, call) {
    const connection = await logIn(device, login, call);
    await saveUsers(connection, call).finally(() => connection.destroy());
  },
  async verify(device, login, call) {
    try {
      const connection = await logIn(device, login, call);
      const checked = await isChecked(connection, login, call).finally(() => connection.destroy());
      if (checked) return { verdict: "accepted", code: "verify.accepted" };
      return { verdict: "unknown", code: "verify.no-password-asked" };
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
      call.transcript(error.message);
      return { verdict: "unknown", code: error.code };
    }
  },
};
