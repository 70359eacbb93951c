/** Devices too old for today's algorithms of SSH, otherwise as `ssh`. */
import { z } from "zod";
import type { Plugin } from "../plugin.ts";
import { readHostKey } from "../secure-shell/connection.ts";
import { openScriptSession } from "../secure-shell/script-session.ts";
import { verifyLogin } from "../secure-shell/verify.ts";
import { TYPEABLE } from "../terminal/legal.ts";
import { TERMINAL_OPERATIONS } from "../terminal/operations.ts";
import { language } from "./language.ts";

export const sshLegacy: Plugin = {
  kind: "ssh-legacy",
  title: "SSH by template, old devices",
  settings: z.strictObject({
    legacyAlgorithms: z
      .boolean()
      .default(false)
      .describe("Whether this device may be talked to with algorithms that are too old to be trusted."),
  }),
  capabilities: {
    template: "required",
    ownAccount: true,
    otherAccount: true,
    operations: TERMINAL_OPERATIONS,
    propagationMs: 0,
    settleMs: 5000,
    heavy: false,
  },
  language,
  legalPassword: () => TYPEABLE,
  identify: readHostKey,
  open: (device, login, call, script) => openScriptSession(device, login, { call, script }),
  verify: verifyLogin,
};
