import { describe } from "vitest";
import type { DebianPackage } from "../../scripts/debian-packages.ts";
import {
  sshTargetUnavailable,
  startSshTarget,
  type SshTarget,
  type SshTargetOptions,
  type SshUser,
} from "../../scripts/targets/sshd.ts";
import { Secret } from "../../contracts/secret.ts";
import { DEFAULT_STRENGTH } from "../../contracts/strength.ts";
import { generatePassword } from "../../crypto/generate-password.ts";
import { linux } from "../../plugins/linux/index.ts";
import type { Account, Call, Change, Device, Login, Session } from "../../plugins/plugin.ts";

import { describeAsRoot } from "./needs.ts";

const unavailable = await sshTargetUnavailable();

/** `describe` for tests on a real sshd; skipped under a name that says why where none can run. */
export function describeOnSshd(name: string, packages: readonly DebianPackage[], tests: () => void): void {
  if (unavailable === undefined) describeAsRoot(name, packages, tests);
  else describe.skip(`${name} (needs a private sshd: ${unavailable})`, tests);
}

/** The first password of every account made by {@link users}. */
export const FIRST = "Old-Passw0rd-1x";

export function users(...names: string[]): SshUser[] {
  return names.map((name) => ({ name, password: FIRST }));
}

/** As Keyturn makes them: differs at each call, and pam_pwquality takes all but about one in a thousand. */
export function freshPassword(): string {
  return generatePassword(DEFAULT_STRENGTH, linux.legalPassword({}, true)).reveal();
}

/** A call that keeps its transcript. */
export function call(options: Partial<Call> = {}): Call & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    connectTimeoutMs: 10_000,
    readTimeoutMs: 10_000,
    signal: new AbortController().signal,
    transcript: (line) => void lines.push(line),
    lines,
    ...options,
  };
}

export function account(username: string): Account {
  return { username, domain: "", additionalInfo: "" };
}

export function login(username: string, password: string): Login {
  return { ...account(username), password: new Secret(password) };
}

/** The target as a device whose host key is pinned. */
export function deviceOf(target: SshTarget, pinnedIdentity: string | undefined = target.fingerprint): Device {
  const { address, port } = target;
  return { address, port, settings: {}, ...(pinnedIdentity === undefined ? {} : { pinnedIdentity }) };
}

export function ownChange(username: string, current: string, next: string): Change {
  return { account: account(username), current: new Secret(current), next: new Secret(next), own: true };
}

export function otherChange(username: string, next: string): Change {
  return { account: account(username), next: new Secret(next), own: false };
}

/** A point of no return that counts how often it was asked for. */
export function gate(): { passed: number; pass: () => Promise<void> } {
  const state = {
    passed: 0,
    pass: async () => {
      state.passed += 1;
    },
  };
  return state;
}

/** Runs `use` with a target that is stopped afterwards. */
export async function withTarget<T>(options: SshTargetOptions, use: (target: SshTarget) => Promise<T>): Promise<T> {
  const target = await startSshTarget(options);
  try {
    return await use(target);
  } finally {
    await target.stop();
  }
}

/** Runs `use` with a session that is closed afterwards. */
export async function withSession<T>(opening: Promise<Session>, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await opening;
  try {
    return await use(session);
  } finally {
    session.destroy();
  }
}

/** What a fresh log-in with the password says, as one word. */
export async function answer(target: SshTarget, username: string, password: string): Promise<string> {
  return (await linux.verify(deviceOf(target), login(username, password), call())).code;
}

/** Opens a session as `as`, applies one change and returns the session's state. Rejects as `apply` does. */
export async function applyOnce(
  target: SshTarget,
  as: Login,
  change: Change,
  options: { readonly call?: Call; readonly pass?: () => Promise<void> } = {},
): Promise<void> {
  const used = options.call ?? call();
  await withSession(linux.open(deviceOf(target), as, used), (session) =>
    session.apply(change, used, options.pass ?? gate().pass),
  );
}

/** PAM password rules with pam_pwquality in front, as Debian's package sets them; `options` are its arguments. */
export function strictRules(options: string): string {
  return [
    `password requisite pam_pwquality.so ${options}`,
    "password [success=1 default=ignore] pam_unix.so obscure use_authtok try_first_pass yescrypt",
    "password requisite pam_deny.so",
    "password required pam_permit.so",
    "",
  ].join("\n");
}
