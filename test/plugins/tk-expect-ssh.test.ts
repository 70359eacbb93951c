/** Scripts of Expect over SSH, on a real sshd: in the original's own lines, and in blocks. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { describeOnSshd, deviceOf, FIRST, login, users } from "../helpers/ssh.ts";
import { attempt, newCall, newPassword, other, own, withPassword } from "./conformance-target.ts";

const plugin = findPlugin("tk-expect") as Plugin;
const ROOT = "Root-Passw0rd-1x";

const LINES = `use ssh
set-prompt "# "
set-new-line-mode "unix"
set-read-timeout 20
expect "*ssword: "
exec "[#AUTH_PASSWORD#]"
exec "passwd [#USERNAME#]"
expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully"
`;
const BLOCKS = String.raw`use ssh script
set timeout 20
expect "assword:"
send "[#CURRENT_PASSWORD#]\r"
expect {
    -re {[$] $} {
        send "passwd\r"
        expect "urrent password:" {send "[#CURRENT_PASSWORD#]\r"}
        exp_continue
    } "ew password:" {
        send -- "[#NEW_PASSWORD#]\r"
        exp_continue
    } "updated successfully" {
        exit 0
    } default {
        exit 1
    }
}
`;

describeOnSshd("tk-expect over SSH", ["openssh-server"], () => {
  let target: SshTarget;
  beforeAll(async () => {
    target = await startSshTarget({ users: users("kt_ann", "kt_bea"), rootPassword: ROOT });
  });
  afterAll(() => target?.stop());

  const device = (protocol?: string) => ({
    ...deviceOf(target),
    settings: plugin.settings.parse(protocol === undefined ? {} : { protocol }),
  });

  it.each([
    ["the original's own lines, by another account", LINES, "kt_ann", "root"],
    ["blocks, by the account itself", BLOCKS, "kt_bea", "kt_bea"],
  ])("%s", async (_, body, name, by) => {
    const account = login(name, FIRST);
    const as = by === name ? account : login(by, ROOT);
    const made = (by === name ? own : other)(account, newPassword());
    const script = bindTemplate(plugin, body, { login: as, change: made, device: device("ssh") });
    const { error, asked } = await attempt({ plugin, device: device("ssh"), login: as, change: { ...made, script } });
    expect({ error, asked }).toEqual({ error: undefined, asked: 1 });
    const verify = async (one: typeof account) => (await plugin.verify(device("ssh"), one, newCall())).code;
    expect(await verify(withPassword(account, made.next))).toBe("verify.accepted");
    expect(await verify(account)).toBe("verify.rejected");
  });

  it("has the host key for its identity, and is not what a script over Telnet is for", async () => {
    expect(await plugin.identify(device("ssh"), newCall())).toBe(target.fingerprint);
    const account = login("root", ROOT);
    const script = bindTemplate(plugin, LINES, { login: account, device: device() });
    const wrong = attempt({
      plugin,
      device: device(),
      login: account,
      change: { ...own(account, newPassword()), script },
    });
    expect(await wrong).toMatchObject({ asked: 0, error: { code: "operation.not-eligible", effect: "none" } });
  });
});
