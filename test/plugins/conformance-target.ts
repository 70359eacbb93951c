import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { createRedactor } from "../../plugins/middleware/redact.ts";
import type { BoundScript } from "../../templates/language/script.ts";
import { type Call, type Change, type Device, type Login, type Plugin, PluginFailure } from "../../plugins/plugin.ts";

/** A real server under the conformance suite. It listens on 127.0.0.1. */
export interface ConformanceTarget {
  /** Trusted: its identity is pinned or its authority known. */
  readonly device: Device;
  /** The same device with nothing to trust it by. */
  readonly untrusted: Device;
  /** May change the password of every account. */
  readonly administrator: Login;
  /** Makes an account that can log in, and change its own password only. */
  newAccount(login: Login): Promise<void>;
  /** A device that lets this account in without asking for its password. */
  readonly trusting: { readonly device: Device; readonly username: string };
  /** User names with odd characters that are legal there. */
  readonly oddUsernames: readonly string[];
  /** Passwords the device must take, beside generated ones. */
  readonly oddPasswords: readonly string[];
  /** A password that could never be sent. */
  readonly impossiblePassword: string;
  /** Whether a session can make one change after another. */
  readonly keepsSessions: boolean;
  /** Makes a secret that the device takes, where not every password will do. */
  newSecret?(): Secret;
  /** The template of the change, or of a log-in alone, bound to its values; where the plugin takes one. */
  script?(login: Login, change?: Change): BoundScript;
  stop(): Promise<void>;
}

let accounts = 0;

/** A login nobody used before. */
export function newLogin(over: { username?: string; password?: string } = {}): Login {
  accounts += 1;
  return {
    username: over.username ?? `conf${accounts}${randomBytes(2).toString("hex")}`,
    domain: "",
    additionalInfo: "",
    password: new Secret(over.password ?? newPassword().reveal()),
  };
}

export function newPassword(): Secret {
  return new Secret(`Kt7-${randomBytes(15).toString("base64url")}`);
}

export function withPassword(login: Login, password: Secret): Login {
  return { ...login, password };
}

/** A call with generous times that keeps its transcript. */
export function newCall(over: Partial<Call> = {}): Call & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    connectTimeoutMs: 20_000,
    readTimeoutMs: 20_000,
    signal: AbortSignal.timeout(60_000),
    transcript: (line) => lines.push(line),
    ...over,
    lines,
  };
}

export interface Attempt {
  readonly error?: unknown;
  /** How often the point of no return was asked for. */
  readonly asked: number;
}

export interface AttemptOptions {
  readonly plugin: Plugin;
  readonly device: Device;
  readonly login: Login;
  readonly change: Change;
  readonly call?: Call & { readonly lines: string[] };
  readonly pointOfNoReturn?: () => Promise<void>;
}

/** Opens a session, makes one change, closes. No text that comes out of it may hold a secret. */
export async function attempt(options: AttemptOptions): Promise<Attempt> {
  const { plugin, device, login, change } = options;
  const call = options.call ?? newCall();
  const secrets = [login.password, change.next, ...(change.current ? [change.current] : [])];
  let asked = 0;
  const pointOfNoReturn = async () => {
    asked += 1;
    await options.pointOfNoReturn?.();
  };
  try {
    const session = await plugin.open(device, login, call, change.script);
    try {
      await session.apply(change, call, pointOfNoReturn);
      await session.close();
    } finally {
      session.destroy();
    }
    return { asked };
  } catch (error) {
    expectClean(textsOf(error), secrets);
    return { error, asked };
  } finally {
    expectClean(call.lines, secrets);
  }
}

/** Every text of an error that could be logged, its causes included. */
export function textsOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const inner = error.cause === undefined ? [] : textsOf(error.cause);
  return [error.message, error.stack ?? "", JSON.stringify(error), ...inner];
}

export function expectClean(texts: readonly string[], secrets: readonly Secret[]): void {
  const redact = createRedactor(secrets);
  // What redacting changes held a secret or a part of one.
  for (const text of texts) expect(redact(text)).toBe(text);
}

export function expectFailure(error: unknown, expected: Partial<Pick<PluginFailure, "code" | "effect">>): void {
  expect(error).toBeInstanceOf(PluginFailure);
  expect(error).toMatchObject(expected);
}

/** The change an account makes to itself. */
export function own(login: Login, next: Secret): Change {
  return { account: login, current: login.password, next, own: true };
}

/** The change the administrator makes; it knows nothing of the present password. */
export function other(login: Login, next: Secret): Change {
  return { account: login, next, own: false };
}
