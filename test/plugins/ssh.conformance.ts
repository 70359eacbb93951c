import { startSshTarget } from "../../scripts/targets/sshd.ts";
import type { Plugin } from "../../plugins/plugin.ts";
import { deviceOf, login } from "../helpers/ssh.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import type { Conformance } from "./conformance-cases.ts";
import type { ConformanceTarget } from "./conformance-target.ts";

const ROOT = "Root-Passw0rd-1x";
/** Without the characters that no line can hold. */
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

/** An sshd for one of the plugins that type templates into its shells. */
export async function startShells(
  plugin: Plugin,
  { sshdConfig = [], settings = {} }: { sshdConfig?: readonly string[]; settings?: Record<string, unknown> } = {},
): Promise<ConformanceTarget> {
  const target = await startSshTarget({
    users: [],
    rootPassword: ROOT,
    sshdConfig,
    // Without one, bash takes the bytes of other letters for commands of its line editor.
    files: { environment: "LANG=C.UTF-8\n" },
  });
  const open = await startSshTarget({
    users: [{ name: "trusted", password: ROOT }],
    sshdConfig: ["PermitEmptyPasswords yes", ...sshdConfig],
    files: { "pam.d/sshd": OPEN },
  });
  const device = { ...deviceOf(target), settings: plugin.settings.parse(settings) };
  const { pinnedIdentity: _, ...untrusted } = device;
  return {
    device,
    untrusted,
    administrator: login("root", ROOT),
    async newAccount({ username, password }) {
      const made = await target.run(["useradd", "--badname", "-M", "-d", "/", "-s", "/bin/bash", username]);
      if (made.code !== 0) throw new Error(made.stderr);
      await target.run(["chpasswd"], `${username}:${password.reveal()}\n`);
    },
    trusting: { device: { ...device, ...deviceOf(open), settings: device.settings }, username: "trusted" },
    oddUsernames: ["kt.dot-9_x", "UPPER", "machine$", "x".repeat(32), "o'brien", "star*", "back\\slash", "ünï"],
    oddPasswords: [PRINTABLE.slice(0, 70), PRINTABLE.slice(60), " spaces around ", `'"\\$\`%;--\\n`, "y".repeat(127)],
    impossiblePassword: "two\nlines",
    keepsSessions: true,
    script: (as, change) => bindTemplate(plugin, change?.own === false ? OTHER : OWN, { login: as, change }),
    async stop() {
      await target.stop();
      await open.stop();
    },
  };
}

export const conformance: Conformance = { kind: "ssh", server: "OpenSSH 9.2", start: startShells };
