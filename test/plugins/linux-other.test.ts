/** Another account's password is set with `chpasswd`: as root and through sudo, on a real sshd. */
import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commandFor } from "../../plugins/linux/chpasswd.ts";
import { linux } from "../../plugins/linux/index.ts";
import { startSshTarget, type SshTarget } from "../../scripts/targets/sshd.ts";
import {
  answer,
  applyOnce,
  call,
  describeOnSshd,
  deviceOf,
  FIRST,
  freshPassword,
  gate,
  login,
  otherChange,
  users,
  withSession,
} from "../helpers/ssh.ts";

const SUDOERS = `Defaults:kt_pty use_pty
kt_pty ALL=(ALL) ALL
kt_all ALL=(ALL) ALL
kt_free ALL=(ALL) NOPASSWD: ALL
kt_only ALL=(root) NOPASSWD: /usr/sbin/chpasswd
kt_noisy ALL=(ALL) ALL`;
const NOISE = `echo "Welcome!"; printf "[sudo] password for you: "; printf "Password: " >&2; set -x\n`;

describeOnSshd("linux: another account", ["openssh-server", "sudo"], () => {
  let target: SshTarget;

  beforeAll(async () => {
    target = await startSshTarget({
      users: [
        ...users(
          "kt_all",
          "kt_pty",
          "kt_free",
          "kt_only",
          "kt_none",
          "kt_noisy",
          "kt_must",
          "kt_target",
          "kt_half",
          "kt_gate",
          "kt_argv",
          "kt_shut",
          "kt_blank",
        ),
        ...users("kt_p0", "kt_p1", "kt_p2", "kt_p3", "kt_p4", "kt_p5"),
        { name: "kt_nologin", password: FIRST, shell: "/usr/sbin/nologin" },
      ],
      rootPassword: FIRST,
      sudoers: SUDOERS,
    });
    await target.run(["tee", "/home/kt_noisy/.bashrc"], NOISE);
  });
  afterAll(() => target.stop());

  test.each(["root", "kt_all", "kt_pty", "kt_free", "kt_only", "kt_noisy"])(
    "%s changes it twice on one session",
    async (name) => {
      const odd = ` ${freshPassword()} a:b'c"d$e\`f\\g\\n%s #;&é `;
      const last = freshPassword();
      await withSession(linux.open(deviceOf(target), login(name, FIRST), call()), async (session) => {
        const passage = gate();
        await session.apply(otherChange("kt_target", odd), call(), passage.pass);
        expect(await answer(target, "kt_target", odd)).toBe("verify.accepted");
        expect(session.reusable()).toBe(true);
        await session.apply(otherChange("kt_target", last), call(), passage.pass);
        expect(passage.passed).toBe(2);
      });
      expect(await answer(target, "kt_target", last)).toBe("verify.accepted");
    },
  );

  test("a kept session changes six accounts at once", async () => {
    const names = [0, 1, 2, 3, 4, 5].map((index) => `kt_p${index}`);
    await withSession(linux.open(deviceOf(target), login("root", FIRST), call()), async (session) => {
      const next = freshPassword();
      await Promise.all(names.map((name) => session.apply(otherChange(name, next), call(), gate().pass)));
      for (const name of names) expect(await answer(target, name, next)).toBe("verify.accepted");
      expect(session.reusable()).toBe(true);
    });
  });

  test.each([
    { as: "kt_none", code: "auth.not-permitted" },
    { as: "kt_nologin", code: "auth.not-permitted" },
    { as: "kt_must", code: "auth.must-change" },
  ])("$as may not: $code, nothing sent", async ({ as, code }) => {
    if (as === "kt_must") await target.run(["chage", "-d", "0", as]);
    const passage = gate();
    const applied = applyOnce(target, login(as, FIRST), otherChange("kt_gate", freshPassword()), passage);
    await expect(applied).rejects.toMatchObject({ code, refused: false });
    expect(passage.passed).toBe(0);
    expect(await answer(target, "kt_gate", FIRST)).toBe("verify.accepted");
  });

  test.each(["root", "kt_all", "kt_free"])("%s does not unlock an account that was locked", async (as) => {
    await target.run(["usermod", "-L", "kt_shut"]);
    const shadow = await target.run(["getent", "shadow", "kt_shut"]);
    const passage = gate();
    const applied = applyOnce(target, login(as, FIRST), otherChange("kt_shut", freshPassword()), passage);
    await expect(applied).rejects.toMatchObject({ code: "auth.locked" });
    expect(passage.passed).toBe(0);
    expect(await target.run(["getent", "shadow", "kt_shut"])).toEqual(shadow);
    await target.run(["usermod", "-U", "kt_shut"]);
    await applyOnce(target, login(as, FIRST), otherChange("kt_shut", FIRST));
  });

  test.each(["root", "kt_all", "kt_free"])("%s gives an account its first password", async (as) => {
    await target.run(["usermod", "-p", "!", "kt_blank"]);
    const next = freshPassword();
    await applyOnce(target, login(as, FIRST), otherChange("kt_blank", next));
    expect(await answer(target, "kt_blank", next)).toBe("verify.accepted");
  });

  test.each(["kt_nobody", "61200", "*", "kt_*", "kt_gate:x", "kt_gate\nroot", "-h", "", "$(id)"])(
    "the account %j is unknown, and is not made",
    async (name) => {
      const before = await target.run(["sha256sum", "/etc/passwd", "/etc/shadow"]);
      const passage = gate();
      const applied = applyOnce(target, login("root", FIRST), otherChange(name, freshPassword()), passage);
      await expect(applied).rejects.toMatchObject({ code: "account.unknown" });
      expect(passage.passed).toBe(0);
      expect(await target.run(["sha256sum", "/etc/passwd", "/etc/shadow"])).toEqual(before);
    },
  );

  test("a password with a line feed would be a second line of chpasswd: refused, nothing sent", async () => {
    const passage = gate();
    const change = otherChange("kt_gate", `${freshPassword()}\nroot:owned`);
    await expect(applyOnce(target, login("root", FIRST), change, passage)).rejects.toMatchObject({
      code: "change.refused",
      refused: true,
    });
    expect(passage.passed).toBe(0);
    expect(await answer(target, "kt_gate", FIRST)).toBe("verify.accepted");
  });

  test("a closed point of no return leaves the password alone and comes back as it is", async () => {
    const closed = new Error("another worker took over");
    const change = otherChange("kt_gate", freshPassword());
    const applied = applyOnce(target, login("root", FIRST), change, { pass: () => Promise.reject(closed) });
    await expect(applied).rejects.toBe(closed);
    expect(await answer(target, "kt_gate", FIRST)).toBe("verify.accepted");
  });

  test("a line that was cut off sets no password", async () => {
    const half = "kt_half\nkt_half:only-a-part";
    // chpasswd by itself takes it, which is why the line does not go to it directly.
    const bare = await target.run(["chpasswd"], "kt_half:only-a-part");
    expect(bare.code).toBe(0);
    expect(await answer(target, "kt_half", "only-a-part")).toBe("verify.accepted");
    await target.run(["chpasswd"], `kt_half:${FIRST}\n`);
    const guarded = await target.run(["sh", "-c", commandFor("mark")], half);
    expect(guarded.stdout).toContain("mark-ready");
    expect(guarded.code).not.toBe(0);
    expect(await answer(target, "kt_half", FIRST)).toBe("verify.accepted");
  });

  test("a line that comes too late sets no password", async () => {
    const late = `(printf 'kt_half\\n'; sleep 6; printf 'kt_half:too-late\\n') | ${commandFor("mark")}`;
    const { stdout } = await target.run(["sh", "-c", late]);
    expect(stdout).toContain("mark-late");
    expect(await answer(target, "kt_half", "too-late")).toBe("verify.rejected");

    const passage = () => new Promise<void>((resolve) => setTimeout(resolve, 6000));
    const applied = applyOnce(target, login("kt_all", FIRST), otherChange("kt_half", freshPassword()), {
      pass: passage,
    });
    await expect(applied).rejects.toMatchObject({ code: "target.timeout", refused: true });
    expect(await answer(target, "kt_half", FIRST)).toBe("verify.accepted");
  });

  test("no password stands among the arguments or the environment of a process", async () => {
    // All processes of the machine are looked at: other tests may well say the first password of theirs.
    const first = freshPassword();
    const accounts = ["root", "kt_all", "kt_only"];
    const set = await target.run(["chpasswd"], accounts.map((name) => `${name}:${first}\n`).join(""));
    expect(set.code).toBe(0);
    const secrets = [first, ...Array.from({ length: 12 }, freshPassword)];
    // A printf that is a program would live too short for the sampler: this one leaves a trace.
    await target.run(["tee", "/etc/keyturn-printf"], "#!/bin/sh\necho run >>/etc/keyturn-printf-ran\n");
    await target.run([
      "sh",
      "-c",
      "chmod 755 /etc/keyturn-printf; : >/etc/keyturn-printf-ran; chmod 666 /etc/keyturn-printf-ran",
    ]);
    expect((await target.run(["mount", "--bind", "/etc/keyturn-printf", "/usr/bin/printf"])).code).toBe(0);
    const seen = sampleProcesses(secrets);
    for (const [index, next] of secrets.slice(1).entries()) {
      const as = accounts[index % accounts.length] ?? "root";
      await applyOnce(target, login(as, first), otherChange("kt_argv", next));
    }
    const result = await seen.stop();
    expect(result.leaks).toEqual([]);
    expect((await target.run(["cat", "/etc/keyturn-printf-ran"])).stdout).toBe("");
    // The sampler did look while chpasswd ran.
    expect(result.commands.some((command) => command.includes("chpasswd"))).toBe(true);
  });
});

/** Reads the arguments and environments of all processes again and again until stopped. */
function sampleProcesses(secrets: readonly string[]) {
  const leaks: string[] = [];
  const commands = new Set<string>();
  let going = true;
  const done = (async () => {
    while (going) {
      for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
        const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
        const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
        commands.add(command);
        if (secrets.some((secret) => command.includes(secret) || environment.includes(secret))) leaks.push(command);
      }
    }
  })();
  return {
    async stop() {
      going = false;
      await done;
      return { leaks, commands: [...commands] };
    },
  };
}
