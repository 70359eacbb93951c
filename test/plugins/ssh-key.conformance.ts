import { newKey, publicHalf } from "../../plugins/ssh-key/key.ts";
import { marker } from "../../plugins/ssh-key/session.ts";
import type { Login } from "../../plugins/plugin.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { deviceOf } from "../helpers/ssh.ts";
import type { Conformance } from "./conformance-cases.ts";

const OPEN = "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n";
const BOTH = "between the new key's coming and the old one's going both log in, on purpose: see ssh-key-rules.test.ts";

/**
 * Makes an account whose only key this is.
 * @param comment at the end of the key's line; that of keys made here for it when absent
 */
export async function addAccount(target: SshTarget, login: Login, comment = markOf(target, login)): Promise<void> {
  const { username, password } = login;
  const made = await target.run(["useradd", "--badname", "-m", "-d", homeOf(username), "-s", "/bin/sh", username]);
  if (made.code !== 0) throw new Error(made.stderr);
  const script = `umask 077; mkdir "$1/.ssh" && cat >"$1/.ssh/authorized_keys" && chown -R -- "$2:" "$1/.ssh"`;
  const line = `${publicHalf(password)} ${comment}\n`;
  const written = await target.run(["sh", "-c", script, "sh", homeOf(username), username], line);
  if (written.code !== 0) throw new Error(written.stderr);
}

function markOf({ address }: SshTarget, login: Login): string {
  return marker({ address, settings: {} }, login);
}

export function homeOf(username: string): string {
  return `/home/${Buffer.from(username).toString("hex")}`;
}

export const conformance: Conformance = {
  kind: "ssh-key",
  server: "OpenSSH 9.2",
  leftOut: { "odd-own": "a key is written in one way only", cut: BOTH, "cut-answer": BOTH },
  async start() {
    const target = await startSshTarget({ users: [], sudoers: "keymaster ALL=(ALL) NOPASSWD: ALL" });
    const open = await startSshTarget({
      users: [{ name: "trusted", password: "Old-Passw0rd-1x" }],
      sshdConfig: ["PermitEmptyPasswords yes"],
      files: { "pam.d/sshd": OPEN },
    });
    const administrator = { username: "keymaster", domain: "", additionalInfo: "", password: newKey() };
    await addAccount(target, administrator);
    const { pinnedIdentity: _, ...untrusted } = deviceOf(target);
    return {
      device: deviceOf(target),
      untrusted,
      administrator,
      newAccount: (login) => addAccount(target, login),
      trusting: { device: deviceOf(open), username: "trusted" },
      oddUsernames: ["kt.dot-9_x", "UPPER", "machine$", "x".repeat(32), "o'brien", "star*", "back\\slash", "ünï"],
      oddPasswords: [],
      impossiblePassword: "two\nlines",
      keepsSessions: true,
      newSecret: newKey,
      async stop() {
        await target.stop();
        await open.stop();
      },
    };
  },
};
