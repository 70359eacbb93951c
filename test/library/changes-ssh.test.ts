import { afterAll, beforeAll, it } from "vitest";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { sshLogsIn } from "../helpers/ssh-login.ts";
import { describeOnSshd } from "../helpers/ssh.ts";
import { accountsNamed, Ground, prove } from "./ground.ts";

const ROOT = { username: "root", password: "Root-Passw0rd-1x" };
const HELPER = { username: "helper", password: "Help-Passw0rd-1x" };

const OWN = accountsNamed("own");
const ASKED = accountsNamed("asked");
const ROOTED = accountsNamed("rooted");

describeOnSshd("changes by template over SSH, ten at once", ["openssh-server", "sudo"], () => {
  let ground: Ground;
  let target: SshTarget;
  beforeAll(async () => {
    target = await startSshTarget({
      users: [...OWN, ...ASKED, ...ROOTED, HELPER].map(({ username, password }) => ({ name: username, password })),
      rootPassword: ROOT.password,
      sudoers: `${HELPER.username} ALL=(root) /usr/bin/passwd`,
    });
    ground = await Ground.open();
  });
  afterAll(async () => {
    await ground?.close();
    await target?.stop();
  });

  const common = () => ({
    device: { address: target.address, port: target.port, pinnedIdentity: target.fingerprint },
    logsIn: (username: string, password: string) => sshLogsIn(target.port, username, password),
  });

  it("accounts that change their own password", () =>
    prove(ground, { ...common(), way: "ssh/change-password/linux-own.txt", accounts: OWN }));

  it("an account with sudo, which asks for its password", () =>
    prove(ground, {
      ...common(),
      way: "ssh/change-password/linux-sudo.txt",
      administrator: HELPER,
      accounts: ASKED,
    }));

  it("root", () =>
    prove(ground, { ...common(), way: "ssh/change-password/linux-root.txt", administrator: ROOT, accounts: ROOTED }));
});
