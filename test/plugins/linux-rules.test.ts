/** Passwords that a real PAM stack refuses, or only frowns at. */
import { expect, test } from "vitest";
import type { Session } from "../../plugins/plugin.ts";
import { linux } from "../../plugins/linux/index.ts";
import {
  answer,
  call,
  describeOnSshd,
  deviceOf,
  FIRST,
  gate,
  login,
  otherChange,
  ownChange,
  strictRules,
  users,
  withSession,
  withTarget,
} from "../helpers/ssh.ts";

const WEAK = "password";
/** cracklib finds about one in a thousand of those that Keyturn makes too systematic; it takes this one. */
const GOOD = "Kv7-mossy_Quartz+Plough.93";
const PACKAGES = ["openssh-server", "libpam-pwquality", "cracklib-runtime"] as const;
const unixOnly = (options: string) => `password required pam_unix.so obscure yescrypt ${options}\n`;
const history = "password required pam_pwhistory.so remember=3\npassword required pam_unix.so use_authtok yescrypt\n";
// The prompt reads "New <ESC>[1;31mUNIX<ESC>[0m password: ": a coloured one, made by PAM itself.
const coloured = "retry=3 authtok_type=\u001b[1;31mUNIX\u001b[0m";

const REFUSALS = [
  { name: "pam_pwquality asks again", rules: strictRules("retry=3"), next: WEAK },
  { name: "pam_pwquality asks again, in colour", rules: strictRules(coloured), next: WEAK },
  { name: "pam_pwquality gives up at once", rules: strictRules("retry=1"), next: WEAK },
  { name: "pam_unix wants a longer one", rules: unixOnly("minlen=12"), next: "Kx9-zorba" },
  { name: "pam_unix sees that it is the old one", rules: unixOnly(""), next: FIRST },
  { name: "pam_pwhistory knows it", rules: history, next: FIRST },
] as const;

describeOnSshd("linux: refused passwords, own account", PACKAGES, () => {
  test.each(REFUSALS)("$name", async ({ rules, next }) => {
    const options = { users: users("kt_own"), files: { "pam.d/common-password": rules } };
    await withTarget(options, async (target) => {
      await withSession(linux.open(deviceOf(target), login("kt_own", FIRST), call()), async (session) => {
        const passage = gate();
        const applied = session.apply(ownChange("kt_own", FIRST, next), call(), passage.pass);
        await expect(applied).rejects.toMatchObject({ code: "change.refused", refused: true });
        expect(passage.passed).toBe(1);
        expect(session.reusable()).toBe(false);
      });
      expect(await answer(target, "kt_own", FIRST)).toBe("verify.accepted");
      if (next !== FIRST) expect(await answer(target, "kt_own", next)).toBe("verify.rejected");
    });
  });

  test("after a refusal another password is taken, through coloured prompts as well", async () => {
    const options = { users: users("kt_own"), files: { "pam.d/common-password": strictRules(coloured) } };
    await withTarget(options, async (target) => {
      const next = GOOD;
      const talk = call();
      const open = (): Promise<Session> => linux.open(deviceOf(target), login("kt_own", FIRST), talk);
      await withSession(open(), (session) =>
        expect(session.apply(ownChange("kt_own", FIRST, WEAK), talk, gate().pass)).rejects.toMatchObject({
          message: expect.stringContaining("BAD PASSWORD"),
        }),
      );
      await withSession(open(), (session) => session.apply(ownChange("kt_own", FIRST, next), talk, gate().pass));
      expect(talk.lines).toContain("< New UNIX password:");
      expect(await answer(target, "kt_own", next)).toBe("verify.accepted");
    });
  });

  test("rules that only warn do not stop the change", async () => {
    const files = { "pam.d/common-password": strictRules("retry=3"), "security/pwquality.conf": "enforcing = 0\n" };
    await withTarget({ users: users("kt_own"), files }, async (target) => {
      const talk = call();
      await withSession(linux.open(deviceOf(target), login("kt_own", FIRST), talk), (session) =>
        session.apply(ownChange("kt_own", FIRST, "Qwerty12"), talk, gate().pass),
      );
      expect(talk.lines.join("\n")).toContain("BAD PASSWORD");
      expect(await answer(target, "kt_own", "Qwerty12")).toBe("verify.accepted");
    });
  });
});

describeOnSshd("linux: refused passwords, another account", PACKAGES, () => {
  test.each([
    { options: "retry=3", taken: true },
    { options: "retry=3 enforce_for_root", taken: false },
  ])("root under pam_pwquality $options", async ({ options, taken }) => {
    const files = { "pam.d/common-password": strictRules(options) };
    await withTarget({ users: users("kt_other"), rootPassword: FIRST, files }, async (target) => {
      const talk = call();
      await withSession(linux.open(deviceOf(target), login("root", FIRST), talk), async (session) => {
        const applied = session.apply(otherChange("kt_other", WEAK), talk, gate().pass);
        if (taken) await applied;
        else await expect(applied).rejects.toMatchObject({ code: "change.refused", refused: true });
      });
      expect(talk.lines.join("\n")).toContain("BAD PASSWORD");
      expect(await answer(target, "kt_other", WEAK)).toBe(taken ? "verify.accepted" : "verify.rejected");
      expect(await answer(target, "kt_other", FIRST)).toBe(taken ? "verify.rejected" : "verify.accepted");
    });
  });
});
