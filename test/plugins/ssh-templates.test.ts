/** Templates typed into the shells of a real sshd: own, sudo and root, accounts made and locked, and rehearsals. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Change, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { startSshTarget, type SshTarget } from "../../scripts/targets/sshd.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import {
  answer,
  call,
  describeOnSshd,
  deviceOf,
  FIRST,
  freshPassword,
  gate,
  login,
  otherChange,
  ownChange,
  users,
  withSession,
} from "../helpers/ssh.ts";

const plugin = findPlugin("ssh") as Plugin;
const ROOT = "Root-Passw0rd-1x";

const TYPE_TWICE = `expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully*"
`;
const OWN = `set-read-timeout 20
expect "*$*"
exec "passwd"
expect "*urrent password:"
exec "[#CURRENT_PASSWORD#]"
${TYPE_TWICE}`;
const SUDO = `set-read-timeout 20
expect "*$*"
exec "sudo passwd [#USERNAME#]"
expect "*password for*:"
exec "[#AUTH_PASSWORD#]"
${TYPE_TWICE}`;
const AS_ROOT = `set-read-timeout 20\nexec "passwd [#USERNAME#]"\n${TYPE_TWICE}`;

const names = Array.from({ length: 10 }, (_, index) => `kt_t${index}`);

describeOnSshd("ssh: templates", ["openssh-server", "sudo"], () => {
  let target: SshTarget;

  beforeAll(async () => {
    target = await startSshTarget({
      users: users("kt_admin", "kt_wrong", "kt_target", "kt_forced", "kt_seen", "kt_fixed", ...names),
      rootPassword: ROOT,
      sudoers: "Defaults logfile=/var/log/sudo.log\nDefaults:kt_wrong rootpw\nkt_admin,kt_wrong ALL=(ALL) ALL\n",
    });
  });
  afterAll(() => target.stop());

  async function apply(body: string, as: Login, change: Change) {
    const talk = call({ readTimeoutMs: 20_000 });
    const passage = gate();
    const script = bindTemplate(plugin, body, { login: as, change });
    const error: unknown = await withSession(plugin.open(deviceOf(target), as, talk, script), (session) =>
      session.apply({ ...change, script }, talk, passage.pass),
    ).catch((reason: unknown) => reason);
    for (const secret of [as.password, change.next])
      expect(talk.lines.join("\n").replaceAll(/\s/g, "")).not.toContain(secret.reveal());
    return { error, passed: passage.passed, lines: talk.lines };
  }

  test.each([
    { name: "sudo with its own prompt", body: SUDO, as: login("kt_admin", FIRST), whom: "kt_target" },
    { name: "root", body: AS_ROOT, as: login("root", ROOT), whom: "kt_target" },
  ])("$name", async ({ body, as, whom }) => {
    const next = freshPassword();
    expect(await apply(body, as, otherChange(whom, next))).toMatchObject({ error: undefined, passed: 1 });
    expect(await answer(target, whom, next)).toBe("verify.accepted");
  });

  test("ten at once, each right: their own and each other's", async () => {
    const asked = names.map((name, index) => ({ name, next: freshPassword(), own: index % 2 === 0 }));
    const results = await Promise.all(
      asked.map(({ name, next, own }) =>
        own
          ? apply(OWN, login(name, FIRST), ownChange(name, FIRST, next))
          : apply(SUDO, login("kt_admin", FIRST), otherChange(name, next)),
      ),
    );
    expect(results.map(({ error }) => error)).toEqual(names.map(() => undefined));
    for (const { name, next } of asked) {
      expect(await answer(target, name, next)).toBe("verify.accepted");
      expect(await answer(target, name, FIRST)).toBe("verify.rejected");
    }
  });

  test.each([SUDO, SUDO.replaceAll(/\*\S+ password:/g, "*assword*:")])(
    "a password that sudo does not take is tried once, and the new one never",
    async (body) => {
      const next = freshPassword();
      const { error, passed } = await apply(body, login("kt_wrong", FIRST), otherChange("kt_target", next));
      expect(error).toMatchObject({ code: "auth.rejected", effect: "none" });
      expect(passed).toBe(0);
      expect(await target.log("sudo.log")).not.toMatch(/[2-9] incorrect password/);
      expect(await answer(target, "kt_target", next)).toBe("verify.rejected");
    },
  );

  test("a forced change that the template does not answer needs a person, and one that answers it goes through", async () => {
    await target.run(["chage", "-d", "0", "kt_forced"]);
    const next = freshPassword();
    const change = ownChange("kt_forced", FIRST, next);
    const plain = await apply(OWN.replace("20", "3"), login("kt_forced", FIRST), change);
    expect(plain.error).toMatchObject({ code: "target.needs-human", effect: "none" });
    expect(plain.lines).not.toContain("> exec passwd");
    const answering = `set-read-timeout 20\nexpect "*urrent password:"\nexec "[#CURRENT_PASSWORD#]"\n${TYPE_TWICE}exec "exit"\n`;
    expect((await apply(answering, login("kt_forced", FIRST), change)).error).toBeUndefined();
    expect(await answer(target, "kt_forced", next)).toBe("verify.accepted");
  });

  test("a rehearsal goes as far as the first line with a password", async () => {
    const as = login("kt_seen", FIRST);
    const talk = call();
    const script = bindTemplate(plugin, OWN, { login: as, change: ownChange("kt_seen", FIRST, freshPassword()) });
    const session = await plugin.open(deviceOf(target), as, talk, script);
    expect(await session.rehearse?.(script, talk)).toBe(5);
    expect(session.reusable()).toBe(false);
    expect(talk.lines).toContain("> exec passwd");
    expect(talk.lines.join("\n")).toContain("Current password:");
    expect(talk.lines.join("\n")).not.toContain("> exec [#CURRENT_PASSWORD#]");
    expect(await answer(target, "kt_seen", FIRST)).toBe("verify.accepted");
  });

  test("accounts are made, locked and removed, without a password of theirs", async () => {
    const as = login("root", ROOT);
    const run = async (body: string, username: string) => {
      const passage = gate();
      const talk = call();
      const bound = bindTemplate(plugin, `set-read-timeout 3\nexpect "*#"\n${body}`, { login: as });
      const script = { ...bound, values: { ...bound.values, USERNAME: username } };
      const error: unknown = await withSession(plugin.open(deviceOf(target), as, talk, script), (session) => {
        if (!session.run) throw new Error("ssh runs other kinds");
        return session.run(script, talk, passage.pass);
      }).catch((reason: unknown) => reason);
      return { error, passed: passage.passed };
    };
    const shadow = async () => (await target.run(["getent", "shadow", "kt_made"])).stdout;
    const done = 'expect "*#"\nexec "echo done=$?"\nexpect "*done=0*#"\n';
    const made = await run(`exec "useradd -m [#USERNAME#]"\n${done}`, "kt_made");
    expect(made).toEqual({ error: undefined, passed: 1 });
    expect(await shadow()).toMatch(/^kt_made:!/);
    await target.run(["chpasswd"], `kt_made:${FIRST}\n`);
    expect(await run(`exec "usermod -L [#USERNAME#]"\n${done}`, "kt_made")).toEqual({ error: undefined, passed: 1 });
    expect(await shadow()).toMatch(/^kt_made:!\$/);
    const twice = await run(`exec "useradd -m [#USERNAME#]"\n${done}`, "kt_made");
    expect(twice).toMatchObject({ error: { code: "target.unexpected", effect: "unknown" }, passed: 1 });
    expect((await run(`exec "userdel -r [#USERNAME#]"\n${done}`, "kt_made")).error).toBeUndefined();
    expect(await shadow()).toBe("");
    for (const odd of [
      "a; touch /etc/kt-canary",
      "$(touch /etc/kt-canary)",
      "`touch /etc/kt-canary`",
      "a'\"\\ #&|<>",
    ]) {
      expect((await run(`exec "useradd -m [#USERNAME#]"\n${done}`, odd)).error).toMatchObject({ effect: "unknown" });
    }
    expect((await target.run(["ls", "/etc/kt-canary"])).code).not.toBe(0);
  });

  test("the original's own way to remove a user: the name must not come, and stands in what says that it is gone", async () => {
    const as = login("root", ROOT);
    const remove = async (username: string, command: string) => {
      const body = `expect "*$"\nexec "export LC_ALL=C"\nexpect "*#"\nexec "${command}"\nexpect "*#"\nexec "id [#USERNAME#]"\n\nno-expect "*[#USERNAME#]"\n\nexec "exit"\nend`;
      const bound = bindTemplate(plugin, body, { login: as });
      const script = { ...bound, values: { ...bound.values, USERNAME: username } };
      const talk = call();
      return withSession(plugin.open(deviceOf(target), as, talk, script), (session) => {
        if (!session.run) throw new Error("ssh runs other kinds");
        return session.run(script, talk, gate().pass);
      }).catch((reason: unknown) => reason);
    };
    expect((await target.run(["useradd", "kt_gone"])).code).toBe(0);
    expect(await remove("kt_gone", "true")).toMatchObject({ code: "target.unexpected", effect: "unknown" });
    expect(await remove("kt_gone", "userdel [#USERNAME#]")).toBeUndefined();
    expect((await target.run(["id", "kt_gone"])).code).not.toBe(0);
    expect(await remove("kt_gone", "userdel [#USERNAME#]")).toBeUndefined();
  });

  test("a fixed text that answers a question for a password is in no transcript", async () => {
    const fixed = "Fixed-Passw0rd-7q";
    const body = `expect "*$"\nexec "read -rs -p 'Password: ' x; echo got $x"\nexpect "*assword:"\nexec "${fixed}"\nexpect "*got *$"\n${OWN}`;
    const next = freshPassword();
    const { error, lines } = await apply(body, login("kt_fixed", FIRST), ownChange("kt_fixed", FIRST, next));
    expect(error).toBeUndefined();
    expect(lines).toContain("> exec [a fixed text]");
    expect(lines).toContain("< got [secret]");
    expect(lines.join("\n")).not.toContain(fixed);
  });
});
