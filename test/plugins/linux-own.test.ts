/** An account changes its own password with `passwd` on a real sshd. */
import { afterAll, beforeAll, expect, test } from "vitest";
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
  ownChange,
  users,
  withSession,
} from "../helpers/ssh.ts";

describeOnSshd("linux: own account", ["openssh-server"], () => {
  let target: SshTarget;

  beforeAll(async () => {
    target = await startSshTarget({
      users: [
        ...users("kt_twice", "kt_wrong", "kt_odd", "kt_forced", "kt_young", "kt_noisy", "kt_gate", "kt_abort"),
        ...users("kt_token", "kt_p0", "kt_p1", "kt_p2", "kt_p3", "kt_p4", "kt_p5"),
        { name: "kt_nologin", password: FIRST, shell: "/usr/sbin/nologin" },
        { name: "kt_sh", password: FIRST, shell: "/bin/sh" },
      ],
      rootPassword: FIRST,
      sshdConfig: ["Banner /etc/keyturn-banner", "PrintMotd yes"],
      files: {
        "keyturn-banner":
          "\u001b[31mNew password: \u001b[0m\nYour account has expired; please contact your system administrator.\n",
        motd: "Current password: ",
      },
    });
  });
  afterAll(() => target.stop());

  test("changes twice on one session; only the newest password logs in", async () => {
    const [second, third] = [freshPassword(), freshPassword()];
    const talk = call();
    await withSession(linux.open(deviceOf(target), login("kt_twice", FIRST), talk), async (session) => {
      const passage = gate();
      await session.apply(ownChange("kt_twice", FIRST, second), talk, passage.pass);
      expect(session.reusable()).toBe(true);
      await session.apply(ownChange("kt_twice", second, third), talk, passage.pass);
      expect(passage.passed).toBe(2);
    });
    expect(await answer(target, "kt_twice", third)).toBe("verify.accepted");
    expect(await answer(target, "kt_twice", second)).toBe("verify.rejected");
    expect(await answer(target, "kt_twice", FIRST)).toBe("verify.rejected");
    const transcript = talk.lines.join("\n");
    expect(transcript).toContain("Retype new password:");
    for (const secret of [FIRST, second, third]) expect(transcript).not.toContain(secret);
  });

  test.each(["kt_sh", "root"])("works for %s", async (name) => {
    const next = freshPassword();
    await applyOnce(target, login(name, FIRST), ownChange(name, FIRST, next));
    expect(await answer(target, name, next)).toBe("verify.accepted");
  });

  test("a wrong current password ends before anything is sent", async () => {
    const passage = gate();
    const change = ownChange("kt_wrong", "not-the-password", freshPassword());
    await expect(applyOnce(target, login("kt_wrong", FIRST), change, passage)).rejects.toMatchObject({
      code: "auth.rejected",
    });
    expect(passage.passed).toBe(0);
    expect(await answer(target, "kt_wrong", FIRST)).toBe("verify.accepted");
  });

  test("odd characters arrive as they are", async () => {
    const next = ` a:b'c"d$e\`f\\g #h|i&j;k<l>m(n)o*p?q[r]s{t}u~v^w%x!y@z é `;
    await applyOnce(target, login("kt_odd", FIRST), ownChange("kt_odd", FIRST, next));
    expect(await answer(target, "kt_odd", next)).toBe("verify.accepted");
    expect(await answer(target, "kt_odd", next.trim())).toBe("verify.rejected");
  });

  test("a forced change is made in the dialogue that sshd starts itself", async () => {
    await target.run(["chage", "-d", "0", "kt_forced"]);
    expect(await answer(target, "kt_forced", FIRST)).toBe("verify.must-change");
    const next = freshPassword();
    await applyOnce(target, login("kt_forced", FIRST), ownChange("kt_forced", FIRST, next));
    expect(await answer(target, "kt_forced", next)).toBe("verify.accepted");
  });

  test("a password too young to be changed is not permitted, and nothing is sent", async () => {
    await target.run(["chage", "-m", "10", "kt_young"]);
    const passage = gate();
    const change = ownChange("kt_young", FIRST, freshPassword());
    await expect(applyOnce(target, login("kt_young", FIRST), change, passage)).rejects.toMatchObject({
      code: "auth.not-permitted",
      message: expect.stringContaining("wait longer"),
    });
    expect(passage.passed).toBe(0);
  });

  test("an account without a shell may not change its password", async () => {
    const passage = gate();
    const change = ownChange("kt_nologin", FIRST, freshPassword());
    await expect(applyOnce(target, login("kt_nologin", FIRST), change, passage)).rejects.toMatchObject({
      code: "auth.not-permitted",
    });
    expect(passage.passed).toBe(0);
    expect(await answer(target, "kt_nologin", FIRST)).toBe("verify.accepted");
  });

  test("start-up files that print prompts get no answer", async () => {
    const script = 'printf "\\033[1mCurrent password: \\033[0m"; sleep 0.3; printf "\\nNew password: "; sleep 0.3\n';
    const placed = await target.run(["tee", "/home/kt_noisy/.bashrc"], script);
    expect(placed.code).toBe(0);
    const talk = call();
    const next = freshPassword();
    await applyOnce(target, login("kt_noisy", FIRST), ownChange("kt_noisy", FIRST, next), { call: talk });
    expect(await answer(target, "kt_noisy", next)).toBe("verify.accepted");
    // The trap was there: the false prompt came before passwd's own, in the same output.
    const transcript = talk.lines.join("\n");
    expect(transcript.indexOf("New password:")).toBeLessThan(transcript.indexOf("Changing password for"));
  });

  test("a closed point of no return leaves the password alone and comes back as it is", async () => {
    const closed = new Error("another worker took over");
    const change = ownChange("kt_gate", FIRST, freshPassword());
    const applied = applyOnce(target, login("kt_gate", FIRST), change, { pass: () => Promise.reject(closed) });
    await expect(applied).rejects.toBe(closed);
    expect(await answer(target, "kt_gate", FIRST)).toBe("verify.accepted");
  });

  test("a point of no return that opens after the time is over sends nothing", async () => {
    const ending = new AbortController();
    const next = freshPassword();
    const talk = call({ signal: ending.signal });
    const applied = applyOnce(target, login("kt_abort", FIRST), ownChange("kt_abort", FIRST, next), {
      call: talk,
      pass: async () => ending.abort(),
    });
    await expect(applied).rejects.toMatchObject({ code: "target.timeout" });
    expect(talk.lines).toContain("> the current password");
    expect(talk.lines).not.toContain("> the new password");
    expect(await answer(target, "kt_abort", FIRST)).toBe("verify.accepted");
  });

  test("six accounts at once", async () => {
    const names = [0, 1, 2, 3, 4, 5].map((index) => `kt_p${index}`);
    const codes = await Promise.all(
      names.map(async (name) => {
        const next = freshPassword();
        await applyOnce(target, login(name, FIRST), ownChange(name, FIRST, next));
        return answer(target, name, next);
      }),
    );
    expect(codes).toEqual(names.map(() => "verify.accepted"));
  });

  /** Puts a program in the place of passwd while `use` runs. */
  async function withPasswd(program: string, use: () => Promise<void>): Promise<void> {
    await target.run(["tee", "/etc/keyturn-passwd"], `#!/bin/sh\n${program}`);
    await target.run(["chmod", "755", "/etc/keyturn-passwd"]);
    expect((await target.run(["mount", "--bind", "/etc/keyturn-passwd", "/usr/bin/passwd"])).code).toBe(0);
    try {
      await use();
    } finally {
      await target.run(["umount", "/usr/bin/passwd"]);
    }
  }

  test("a question passwd never asks is left to a person", async () => {
    const asking = "printf 'Enter the code of your token: '; read -r code; echo \"got $code\" >/home/kt_token/got\n";
    await withPasswd(asking, async () => {
      const passage = gate();
      const change = ownChange("kt_token", FIRST, freshPassword());
      const applied = applyOnce(target, login("kt_token", FIRST), change, {
        call: call({ readTimeoutMs: 3000 }),
        ...passage,
      });
      await expect(applied).rejects.toMatchObject({
        code: "target.needs-human",
        message: expect.stringContaining("Enter the code of your token:"),
      });
      expect(passage.passed).toBe(0);
      expect((await target.run(["cat", "/home/kt_token/got"])).stdout.trim()).not.toMatch(/got ./);
    });
  });

  test("a passwd that leaves the echo on shows no password", async () => {
    const careless =
      "printf 'New password: '; read -r a; printf 'Retype new password: '; read -r b; echo \"$#$a\" | wc -c\n";
    await withPasswd(careless, async () => {
      const talk = call();
      const next = freshPassword();
      await applyOnce(target, login("kt_token", FIRST), ownChange("kt_token", FIRST, next), { call: talk });
      // It did get the password: so many characters, a zero and a line feed.
      expect(talk.lines.join("\n")).toContain(`< ${next.length + 2}`);
      expect(talk.lines.join("\n")).not.toContain(next);
    });
  });
});
