/** What sudo does with a password it does not take, or a question nobody knows. */
import { expect, test } from "vitest";
import { linux } from "../../plugins/linux/index.ts";
import type { SshTarget } from "../../scripts/targets/sshd.ts";
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
  users,
  withSession,
  withTarget,
} from "../helpers/ssh.ts";

// pam_exec writes down each password that pam_unix was given.
const RECORDING = `auth required pam_unix.so nodelay
auth optional pam_exec.so expose_authtok quiet /etc/keyturn-record
account required pam_permit.so
session required pam_permit.so
`;
const RECORD = "#!/bin/sh\n{ cat; echo; } >>/etc/keyturn-tries\n";
const SUDOERS = `Defaults logfile=/var/log/sudo.log
kt_admin ALL=(ALL) ALL
`;

async function onSudo(options: { sudoers: string; pam?: string }, use: (target: SshTarget) => Promise<void>) {
  const files = { "keyturn-record": RECORD, ...(options.pam === undefined ? {} : { "pam.d/sudo": options.pam }) };
  await withTarget(
    { users: users("kt_admin", "kt_target"), rootPassword: "Another-Passw0rd-2", ...options, files },
    async (target) => {
      await target.run(["chmod", "755", "/etc/keyturn-record"]);
      // The record is kept as the user who calls sudo.
      await target.run(["sh", "-c", "touch /etc/keyturn-tries; chmod 666 /etc/keyturn-tries"]);
      await use(target);
    },
  );
}

describeOnSshd("linux: sudo", ["openssh-server", "sudo", "libpam-google-authenticator"], () => {
  test("a right sudo password is the only one tried", async () => {
    await onSudo({ sudoers: SUDOERS, pam: RECORDING }, async (target) => {
      const next = freshPassword();
      await withSession(linux.open(deviceOf(target), login("kt_admin", FIRST), call()), (session) =>
        session.apply(otherChange("kt_target", next), call(), gate().pass),
      );
      expect(await answer(target, "kt_target", next)).toBe("verify.accepted");
      expect(await triesOf(target)).toEqual([FIRST]);
      expect(await target.log("sudo.log")).not.toContain("incorrect password");
    });
  });

  test("a wrong sudo password is tried once, and the new password never", async () => {
    const wrong = `${SUDOERS}Defaults:kt_admin rootpw\n`;
    await onSudo({ sudoers: wrong, pam: RECORDING }, async (target) => {
      const next = freshPassword();
      const passage = gate();
      const talk = call();
      await withSession(linux.open(deviceOf(target), login("kt_admin", FIRST), talk), async (session) => {
        const applied = session.apply(otherChange("kt_target", next), talk, passage.pass);
        await expect(applied).rejects.toMatchObject({ code: "auth.not-permitted", refused: false });
        expect(session.reusable()).toBe(false);
      });
      expect(passage.passed).toBe(0);
      expect(await answer(target, "kt_target", FIRST)).toBe("verify.accepted");
      await expect.poll(() => target.log("sudo.log")).toMatch(/1 incorrect password attempt ;/);
      expect(await triesOf(target)).toEqual([FIRST]);
      expect(JSON.stringify(talk.lines)).not.toContain(next);
    });
  });

  test("the record would show the new password, had it been given to sudo", async () => {
    await onSudo({ sudoers: `${SUDOERS}Defaults:kt_admin rootpw\n`, pam: RECORDING }, async (target) => {
      const danger = "sudo -S -k -p '' chpasswd";
      await target.run(["runuser", "-u", "kt_admin", "--", "sh", "-c", danger], `${FIRST}\nkt_target:new-one\n`);
      expect(await triesOf(target)).toContain("kt_target:new-one");
    });
  });

  test.each([
    { asks: "Verification code:", forward: "", stack: ["pam_unix.so nodelay", "google"] },
    { asks: "Password & verification code:", forward: "forward_pass", stack: ["google", "pam_unix.so use_first_pass"] },
  ])("a sudo that asks for $asks is left to a person", async ({ asks, forward, stack }) => {
    const google = `pam_google_authenticator.so secret=/etc/keyturn-otp user=root no_strict_owner ${forward}`;
    const pam = [
      ...stack.map((module) => `auth required ${module.replace("google", google)}`),
      "account required pam_permit.so",
      "session required pam_permit.so",
      "",
    ].join("\n");
    await onSudo({ sudoers: SUDOERS, pam }, async (target) => {
      await target.run(["sh", "-c", "umask 077; cat >/etc/keyturn-otp"], 'JBSWY3DPEHPK3PXP\n" TOTP_AUTH\n');
      const passage = gate();
      const talk = call({ readTimeoutMs: 3000 });
      await withSession(linux.open(deviceOf(target), login("kt_admin", FIRST), talk), (session) =>
        expect(session.apply(otherChange("kt_target", freshPassword()), talk, passage.pass)).rejects.toMatchObject({
          code: "target.needs-human",
          message: expect.stringContaining(asks),
        }),
      );
      expect(passage.passed).toBe(0);
    });
  });
});

/** The passwords that sudo tried, in order. */
async function triesOf(target: SshTarget): Promise<string[]> {
  const { stdout } = await target.run(["cat", "/etc/keyturn-tries"]);
  return stdout.split("\n").filter((line) => line !== "");
}
