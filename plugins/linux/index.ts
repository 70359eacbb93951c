/** Linux accounts over SSH: `passwd` for the account's own password, `chpasswd` (root or sudo) for another's. */
import { z } from "zod";
import type { CheckResult } from "../../contracts/messages.ts";
import { PluginFailure, type Plugin } from "../plugin.ts";
import { connect, readHostKey } from "./connection.ts";
import { legalPassword } from "./legal.ts";
import { LoginDialogue, PasswordRight } from "./login.ts";
import { createSession } from "./session.ts";

export const linux: Plugin = {
  kind: "linux",
  title: "Linux over SSH",
  /** Nothing to set: how to become root is found out on the device. */
  settings: z.strictObject({}),
  capabilities: {
    template: "none",
    ownAccount: true,
    otherAccount: true,
    operations: ["change-password", "child-password-change", "verify-password", "reconcile-password"],
    propagationMs: 0,
    // A chpasswd that has its line goes on without the connection: one password hash and the lock of /etc/shadow.
    settleMs: 5000,
    lingerMs: 0,
    heavy: false,
  },
  legalPassword: (_settings, own) => legalPassword(own),
  identify: readHostKey,
  async open(device, login, call) {
    const connection = await connect(device, call, new LoginDialogue(login, call));
    return createSession(connection, login);
  },
  async verify(device, login, call) {
    const dialogue = new LoginDialogue(login, call);
    try {
      const connection = await connect(device, call, dialogue);
      void connection.close();
    } catch (error) {
      return verdictOf(error);
    }
    if (!dialogue.passwordSent) return { verdict: "unknown", code: "verify.no-password-asked" };
    return { verdict: "accepted", code: dialogue.mustChange ? "verify.must-change" : "verify.accepted" };
  },
};

function verdictOf(error: unknown): CheckResult {
  if (!(error instanceof PluginFailure)) throw error;
  if (error instanceof PasswordRight) {
    const code = error.code === "auth.expired" ? "verify.account-expired" : "verify.must-change";
    return { verdict: "accepted", code };
  }
  if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
  return { verdict: "unknown", code: error.code };
}
