/** Devices with a command line like IOS's, without a template, over SSH or Telnet. */
import { PASSWORD_OPERATIONS } from "../kinds.ts";
import type { Plugin } from "../plugin.ts";
import { readHostKey } from "../secure-shell/connection.ts";
import { dial } from "./dial.ts";
import { legalPassword } from "./legal.ts";
import { createSession } from "./session.ts";
import { save } from "./save.ts";
import { NetworkSettings, settingsOf } from "./settings.ts";
import { verify } from "./verify.ts";

export const networkCli: Plugin = {
  kind: "network-cli",
  title: "Command line of network devices (like IOS)",
  settings: NetworkSettings,
  capabilities: {
    template: "none",
    ownAccount: true,
    otherAccount: true,
    operations: PASSWORD_OPERATIONS,
    propagationMs: 0,
    // A line that has arrived is carried out, and a busy device is slow.
    settleMs: 5000,
    heavy: false,
  },
  legalPassword: (settings) => legalPassword((settings as NetworkSettings).longestPassword),
  // Telnet has no identity: whoever answers is believed.
  identify: async (device, call) => (settingsOf(device).transport === "ssh" ? readHostKey(device, call) : undefined),
  open: async (device, login, call) =>
    createSession({ line: await dial(device, login, call), login, settings: settingsOf(device) }),
  verify,
  save,
};
