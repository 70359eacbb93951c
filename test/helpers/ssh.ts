import { startSshTarget, type SshTarget, type SshTargetOptions } from "../../scripts/targets/sshd.ts";
import { Secret } from "../../contracts/secret.ts";
import type { Account, Call, Change, Device, Login, Session } from "../../plugins/plugin.ts";

/** Passes pam_pwquality's defaults, and differs at each call. */
export function freshPassword(): string {
  return `Kt-${crypto.randomUUID().replaceAll("-", "").slice(0, 20)}-Zq9`;
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
