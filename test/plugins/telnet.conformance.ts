import { startTelnetTarget } from "../../scripts/targets/telnetd.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { account, login } from "../helpers/ssh.ts";
import type { Plugin } from "../../plugins/plugin.ts";
import type { Conformance } from "./conformance-cases.ts";
import type { ConformanceTarget } from "./conformance-target.ts";

const ROOT = "Root-Passw0rd-1x";
const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const OPEN = "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
/** An account changes its own password. */
const OWN = `set-read-timeout 20
expect "*$"
exec "passwd"
expect "*urrent password:"
exec "[#CURRENT_PASSWORD#]"
expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully*"
exec "exit"
end
`;

/** Who logs in may change the password of others. */
const OTHER = `set-read-timeout 20
expect-regex "/[$#] $/"
exec "passwd [#USERNAME#]"
expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully*"
`;

export const TELNETD = "GNU inetutils telnetd 2.4";
export const NO_IDENTITY = "Telnet has no identity: whoever answers at the address is believed";

export const conformance: Conformance = {
  kind: "telnet",
  server: TELNETD,
  leftOut: { identity: NO_IDENTITY, "wrong-identity": NO_IDENTITY },
  start: (plugin) => startOnTelnetd(plugin, { own: OWN, other: OTHER }),
};

/** A target with these templates, for each plugin that speaks Telnet. */
export async function startOnTelnetd(
  plugin: Plugin,
  templates: { own: string; other: string },
): Promise<ConformanceTarget> {
  const target = await startTelnetTarget({
    users: [],
    rootPassword: ROOT,
    // Without one, bash takes the bytes of other letters for commands of its line editor.
    files: { environment: "LANG=C.UTF-8\n" },
  });
  const open = await startTelnetTarget({
    users: [{ name: "trusted", password: ROOT }],
    files: { "pam.d/login": OPEN },
  });
  const deviceOf = ({ address, port }: typeof target) => ({ address, port, settings: plugin.settings.parse({}) });
  return {
    device: deviceOf(target),
    untrusted: deviceOf(target),
    administrator: login("root", ROOT),
    async newAccount({ username, password }) {
      const { accounts } = target;
      const made = await accounts.run(["useradd", "--badname", "-M", "-d", "/", "-s", "/bin/bash", username]);
      if (made.code !== 0) throw new Error(made.stderr);
      await accounts.run(["chpasswd"], `${username}:${password.reveal()}\n`);
    },
    trusting: { device: deviceOf(open), username: account("trusted").username },
    oddUsernames: ["kt.dot-9_x", "UPPER", "machine$", "x".repeat(32), "o'brien", "star*", "back\\slash", "ünï"],
    oddPasswords: [PRINTABLE.slice(0, 70), PRINTABLE.slice(60), " spaces around ", `'"\\$\`%;--\\n`, "y".repeat(127)],
    impossiblePassword: "two\nlines",
    keepsSessions: false,
    script: (as, change) =>
      bindTemplate(plugin, change?.own === false ? templates.other : templates.own, { login: as, change }),
    async stop() {
      await target.stop();
      await open.stop();
    },
  };
}
