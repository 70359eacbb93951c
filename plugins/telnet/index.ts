/** Anything with a command line behind Telnet: a template says what is typed there. Nothing is encrypted. */
import { z } from "zod";
import type { Plugin } from "../plugin.ts";
import { TYPEABLE } from "../terminal/legal.ts";
import { TERMINAL_OPERATIONS } from "../terminal/operations.ts";
import { DIAL_SETTINGS, dialOf, logsInItself } from "../virtual-terminal/dial.ts";
import { openSession, verifyLogin } from "../virtual-terminal/script-session.ts";
import { language } from "./language.ts";

export const telnet: Plugin = {
  kind: "telnet",
  title: "Telnet by template",
  settings: z.strictObject(DIAL_SETTINGS),
  capabilities: {
    template: "required",
    ownAccount: true,
    otherAccount: true,
    operations: TERMINAL_OPERATIONS,
    propagationMs: 0,
    // A passwd that has its lines goes on without the connection.
    settleMs: 5000,
    heavy: false,
  },
  language,
  legalPassword: () => TYPEABLE,
  // The protocol has no identity: whoever answers is believed.
  identify: async () => undefined,
  open: (device, login, call, script) =>
    openSession({ device, login, call }, logsInItself(script) ? undefined : dialOf(device, script)),
  verify: (device, login, call, script) => verifyLogin({ device, login, call }, dialOf(device, script)),
};
