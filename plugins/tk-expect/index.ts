/** Templates that are scripts of Expect, over Telnet: the script logs in by itself. Nothing is encrypted. */
import { z } from "zod";
import type { Plugin } from "../plugin.ts";
import { TYPEABLE } from "../terminal/legal.ts";
import { TERMINAL_OPERATIONS } from "../terminal/operations.ts";
import { DIAL_SETTINGS, dialOf } from "../virtual-terminal/dial.ts";
import { openSession, verifyLogin } from "../virtual-terminal/script-session.ts";
import { language } from "./language.ts";
import { translate } from "./translate.ts";

export const tkExpect: Plugin = {
  kind: "tk-expect",
  title: "Expect scripts over Telnet",
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
  open: (device, login, call) => openSession({ device, login, call }, { translate }),
  verify: (device, login, call) => verifyLogin({ device, login, call }, dialOf(device)),
};
