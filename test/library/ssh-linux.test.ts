import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { deviceOf, describeOnSshd, FIRST, login, users } from "../helpers/ssh.ts";
import { changeBy, logsIn, runBy } from "./by-plugin.ts";

const ROOT = "Root-Passw0rd-1x";

describeOnSshd("the library on Linux over SSH", ["openssh-server", "sudo"], () => {
  let target: SshTarget;
  beforeAll(async () => {
    target = await startSshTarget({
      users: users("ann", "bea", "cid", "helper", "unasked"),
      rootPassword: ROOT,
      sudoers: "helper ALL=(root) ALL\nunasked ALL=(root) NOPASSWD: ALL",
    });
  });
  afterAll(() => target?.stop());

  const as = (username: string, password = FIRST) => ({ device: deviceOf(target), by: login(username, password) });
  const WAYS = [
    ["root", () => as("root", ROOT)],
    ["sudo", () => as("helper")],
  ] as const;

  it("an account changes its own password, and again", async () => {
    const next = await changeBy("ssh/change-password/linux-own.txt", login("ann", FIRST), as("ann"));
    await changeBy("ssh/change-password/linux-own.txt", login("ann", next.reveal()), as("ann", next.reveal()));
  });

  it("root changes another one's", () =>
    changeBy("ssh/change-password/linux-root.txt", login("bea", FIRST), as("root", ROOT)));

  it("an account with sudo changes another one's, asked for its own password", () =>
    changeBy("ssh/change-password/linux-sudo.txt", login("cid", FIRST), as("helper")));

  it("where sudo asks for no password none is typed: the shell would run it as a command, and keep it", async () => {
    const unasked = { code: "target.unexpected", message: expect.stringContaining("not a password") };
    const group = runBy("ssh/group-creation/linux-sudo.txt", { GRUPO_NOME: "unasked-group" }, as("unasked"));
    await expect(group).rejects.toMatchObject({ ...unasked, effect: "unknown" });
    const change = changeBy("ssh/change-password/linux-sudo.txt", login("ann", FIRST), as("unasked"));
    await expect(change).rejects.toMatchObject({ effect: "none" });
  });

  describe.each(WAYS)("as %s", (way, who) => {
    const template = (kind: string) => `ssh/${kind}/linux-${way}.txt`;
    const USERNAME = `made-${way}`;
    const GRUPO_NOME = `group-${way}`;
    const lookUp = async (database: string, name: string) =>
      (await target.run(["getent", database, name])).stdout.trim().split(":");

    it("makes and removes accounts, groups and memberships", async () => {
      await runBy(template("user-creation"), { USERNAME }, who());
      expect(await lookUp("passwd", USERNAME)).toMatchObject({ 5: `/home/${USERNAME}`, 6: "/bin/bash" });
      await runBy(template("group-creation"), { GRUPO_NOME }, who());
      expect((await lookUp("group", GRUPO_NOME))[3]).toBe("");
      await runBy(template("user-creation-in-group"), { USERNAME, GRUPO_NOME }, who());
      expect((await lookUp("group", GRUPO_NOME))[3]).toBe(USERNAME);
      await runBy(template("user-deletion-in-group"), { USERNAME, GRUPO_NOME }, who());
      expect((await lookUp("group", GRUPO_NOME))[3]).toBe("");
      await runBy(template("group-deletion"), { GRUPO_NOME }, who());
      expect(await lookUp("group", GRUPO_NOME)).toEqual([""]);
      await runBy(template("user-deletion"), { USERNAME }, who());
      expect(await lookUp("passwd", USERNAME)).toEqual([""]);
    });

    it("makes an account with a password, and leaves one that is there as it is", async () => {
      const path = `ssh/user-creation/linux-${way}-password.txt`;
      const account = login(`pass-${way}`, FIRST);
      const password = await changeBy(path, account, who());
      const again = changeBy(path, account, who());
      await expect(again).rejects.toMatchObject({ code: "account.exists", refused: true });
      expect(await logsIn({ path, device: deviceOf(target) }, { ...account, password })).toBe(true);
    });

    it("locks an account and unlocks it", async () => {
      const account = login(`lock-${way}`, FIRST);
      await target.run(["useradd", account.username]);
      await target.run(["chpasswd"], `${account.username}:${FIRST}\n`);
      const where = { path: template("credential-inactivation"), device: deviceOf(target) };
      expect(await logsIn(where, account)).toBe(true);
      await runBy(template("credential-inactivation"), { USERNAME: account.username }, who());
      expect(await logsIn(where, account)).toBe(false);
      await runBy(template("credential-activation"), { USERNAME: account.username }, who());
      expect(await logsIn(where, account)).toBe(true);
    });

    it("what the system refuses is no success", async () => {
      const nobody = { USERNAME: "nobody-of-this-name", GRUPO_NOME: "no-group-of-this-name" };
      for (const kind of ["user-deletion", "group-deletion", "user-creation-in-group", "credential-inactivation"])
        await expect(runBy(template(kind), nobody, who()), kind).rejects.toThrow(/line \d+/);
      await expect(runBy(template("user-creation"), { USERNAME: "ann" }, who())).rejects.toThrow(/line \d+/);
    });
  });

  it("makes an account for a while and removes it, also when it is in use and when it is gone", async () => {
    const [creation, path] = ["ephemeral-credential-creation", "ephemeral-credential-removal"].map(
      (kind) => `ssh/${kind}/linux-root.txt`,
    ) as [string, string];
    const account = login("visitor", FIRST);
    const password = await changeBy(creation, account, as("root", ROOT));
    void target.run(["runuser", "-u", "visitor", "--", "sleep", "300"]);
    for (const time of ["in use", "gone"]) {
      await runBy(path, { USERNAME: "visitor" }, as("root", ROOT));
      const { stdout } = await target.run(["getent", "passwd", "visitor"]);
      expect(stdout, time).toBe("");
      expect(await logsIn({ path, device: deviceOf(target) }, { ...account, password })).toBe(false);
    }
  });

  it("makes an account with number, home folder and shell", async () => {
    const values = { USERNAME: "whole", UID: "61999", HOME: "/home/elsewhere", SHELL: "/bin/sh" };
    await runBy("ssh/user-creation/linux-uid-home-shell.txt", values, as("root", ROOT));
    const { stdout } = await target.run(["getent", "passwd", "whole"]);
    expect(stdout.trim()).toMatch(/^whole:x:61999:\d+:[^:]*:\/home\/elsewhere:\/bin\/sh$/);
  });
});
