/** Linux accounts over SSH: `passwd` for the account's own password, `chpasswd` (root or sudo) for another's. */
import { z } from "zod";
import { PASSWORD_OPERATIONS } from "../kinds.ts";
import type { Plugin } from "../plugin.ts";
import { connect, readHostKey } from "../secure-shell/connection.ts";
import { legalPassword } from "./legal.ts";
import { LoginDialogue } from "../secure-shell/login.ts";
import { verifyLogin } from "../secure-shell/verify.ts";
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
    operations: PASSWORD_OPERATIONS,
    propagationMs: 0,
    // A chpasswd that has its line goes on without the connection: one password hash and the lock of /etc/shadow.
    settleMs: 5000,
    heavy: false,
  },
  legalPassword: (_settings, own) => legalPassword(own),
  identify: readHostKey,
  async open(device, login, call) {
    const connection = await connect(device, call, new LoginDialogue(login, call));
    return createSession(connection, login);
  },
  verify: verifyLogin,
};
