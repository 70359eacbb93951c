/** Anything with a shell behind SSH: a template says what is typed there. */
import { z } from "zod";
import type { Plugin } from "../plugin.ts";
import { readHostKey } from "../secure-shell/connection.ts";
import { openScriptSession } from "../secure-shell/script-session.ts";
import { verifyLogin } from "../secure-shell/verify.ts";
import { TYPEABLE } from "../terminal/legal.ts";
import { TERMINAL_OPERATIONS } from "../terminal/operations.ts";
import { language } from "./language.ts";

export const ssh: Plugin = {
  kind: "ssh",
  title: "SSH by template",
  settings: z.strictObject({}),
  capabilities: {
    template: "required",
    ownAccount: true,
    otherAccount: true,
    operations: TERMINAL_OPERATIONS,
    propagationMs: 0,
    // A passwd that has its lines goes on without the connection: one password hash and the lock of /etc/shadow.
    settleMs: 5000,
    heavy: false,
  },
  language,
  legalPassword: () => TYPEABLE,
  identify: readHostKey,
  open: (device, login, call, script) => openScriptSession(device, login, { call, script }),
  verify: verifyLogin,
};
