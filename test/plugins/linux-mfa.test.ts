/** A second factor, in every form a real sshd asks for one: a person is needed, and nothing more is sent. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { linux } from "../../plugins/linux/index.ts";
import type { SshTarget } from "../../scripts/targets/sshd.ts";
import { answer, call, describeOnSshd, deviceOf, FIRST, login, users, withTarget } from "../helpers/ssh.ts";

const SEED = "JBSWY3DPEHPK3PXP";
const GOOGLE = "auth required pam_google_authenticator.so secret=/etc/keyturn-otp user=root no_strict_owner";
const REST = "account required pam_permit.so\nsession required pam_permit.so\n";
const PASSWORD_FIRST = `auth required pam_unix.so nodelay\n${GOOGLE}\n${REST}`;
const PASSWORD_AND_CODE = `${GOOGLE} forward_pass\nauth required pam_unix.so nodelay use_first_pass\n${REST}`;
const CODE_ONLY = `${GOOGLE}\n${REST}`;
const INTERACTIVE = "KbdInteractiveAuthentication yes";

const FORMS = [
  { form: "a second round", asks: "Verification code:", sent: 1, pam: PASSWORD_FIRST, config: [INTERACTIVE] },
  {
    form: "one prompt for both",
    asks: "Password & verification code:",
    sent: 0,
    pam: PASSWORD_AND_CODE,
    config: [INTERACTIVE],
  },
  { form: "the code first", asks: "Verification code:", sent: 0, pam: CODE_ONLY, config: [INTERACTIVE] },
  {
    form: "a key first",
    asks: "publickey",
    sent: 0,
    pam: PASSWORD_FIRST,
    config: [INTERACTIVE, "AuthenticationMethods publickey,keyboard-interactive"],
  },
  {
    form: "a key after the password",
    asks: "a second step is demanded: publickey",
    sent: 1,
    pam: undefined,
    config: ["AuthenticationMethods password,publickey"],
  },
  {
    form: "another method after the password",
    asks: "a second step is demanded: keyboard-interactive",
    sent: 1,
    pam: undefined,
    config: [INTERACTIVE, "AuthenticationMethods password,keyboard-interactive"],
  },
] as const;

async function onServer(pam: string | undefined, config: readonly string[], use: (target: SshTarget) => Promise<void>) {
  const files = pam === undefined ? {} : { "pam.d/sshd": pam };
  await withTarget({ users: users("kt_own"), sshdConfig: config, files }, async (target) => {
    await target.run(["sh", "-c", "umask 077; cat >/etc/keyturn-otp"], `${SEED}\n" TOTP_AUTH\n`);
    await use(target);
  });
}

describeOnSshd("linux: second factor", ["openssh-server", "libpam-google-authenticator", "oathtool"], () => {
  test.each(FORMS)("$form", async ({ asks, sent, pam, config }) => {
    await onServer(pam, config, async (target) => {
      const talk = call();
      await expect(linux.open(deviceOf(target), login("kt_own", FIRST), talk)).rejects.toMatchObject({
        code: "target.needs-human",
        message: expect.stringContaining(asks),
      });
      expect(talk.lines.filter((line) => line.startsWith(">"))).toEqual(Array(sent).fill("> the password"));
      const said = await linux.verify(deviceOf(target), login("kt_own", FIRST), call());
      expect(said).toEqual({ verdict: "unknown", code: "target.needs-human" });
    });
  });

  test("the servers of this file are real: the code of oathtool opens one", async () => {
    await onServer(CODE_ONLY, [INTERACTIVE], async (target) => {
      const { stdout } = await promisify(execFile)("oathtool", ["--totp", "--base32", SEED]);
      // The plugin only ever answers a password prompt: here it is told that the code's prompt is one.
      await target.run([
        "sed",
        "-i",
        "s/forward_pass//; s/otp user/otp [authtok_prompt=Password:] user/",
        "/etc/pam.d/sshd",
      ]);
      expect(await answer(target, "kt_own", stdout.trim())).toBe("verify.accepted");
      expect(await answer(target, "kt_own", FIRST)).toBe("verify.rejected");
    });
  });
});
