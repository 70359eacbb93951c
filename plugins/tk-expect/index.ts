/** Templates that are scripts of Expect: over Telnet, where the script logs in by itself, or over SSH. */
import { z } from "zod";
import type { BoundScript } from "../../templates/language/script.ts";
import { type Device, PluginFailure, type Plugin, type ScriptSession } from "../plugin.ts";
import { readHostKey } from "../secure-shell/connection.ts";
import { openScriptSession } from "../secure-shell/script-session.ts";
import { verifyLogin as verifyOverSsh } from "../secure-shell/verify.ts";
import { TYPEABLE } from "../terminal/legal.ts";
import { TERMINAL_OPERATIONS } from "../terminal/operations.ts";
import { DIAL_SETTINGS, dialOf } from "../virtual-terminal/dial.ts";
import { openSession, verifyLogin } from "../virtual-terminal/script-session.ts";
import { language } from "./language.ts";
import { translate, usedBy } from "./translate.ts";

const settings = z.strictObject({
  ...DIAL_SETTINGS,
  /** What the device speaks: its scripts say `use telnet` or `use ssh`. Telnet encrypts nothing. */
  protocol: z.enum(["telnet", "ssh"]).default("telnet"),
});

function isSsh(device: Device): boolean {
  return settings.parse(device.settings).protocol === "ssh";
}

/** The session, for scripts of Expect. */
function translated(session: ScriptSession, protocol: "telnet" | "ssh"): ScriptSession {
  const meant = (script: BoundScript) => translate(script, protocol);
  return {
    ...session,
    apply: (change, call, pointOfNoReturn) =>
      session.apply(change.script ? { ...change, script: meant(change.script) } : change, call, pointOfNoReturn),
    run: (script, call, pointOfNoReturn) => session.run(meant(script), call, pointOfNoReturn),
    rehearse: (script, call) => session.rehearse(meant(script), call),
  };
}

export const tkExpect: Plugin = {
  kind: "tk-expect",
  title: "Expect scripts over Telnet or SSH",
  settings,
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
  // Telnet has no identity: whoever answers is believed.
  identify: async (device, call) => (isSsh(device) ? readHostKey(device, call) : undefined),
  async open(device, login, call, script) {
    const protocol = isSsh(device) ? "ssh" : "telnet";
    const used = usedBy(script) ?? protocol;
    if (used !== protocol)
      throw new PluginFailure(
        "operation.not-eligible",
        `The template says use ${used}, and the device's settings of tk-expect have the protocol ${protocol}.`,
      );
    const session =
      protocol === "ssh"
        ? await openScriptSession(device, login, { call, script })
        : await openSession({ device, login, call }, undefined);
    return translated(session, protocol);
  },
  verify: (device, login, call) =>
    isSsh(device) ? verifyOverSsh(device, login, call) : verifyLogin({ device, login, call }, dialOf(device)),
};
