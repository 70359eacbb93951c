/**
 * The contract of a plugin: code that can talk to one kind of device.
 *
 * A plugin changes a password and nothing else. It never sees Temporal, the database or another plugin, and it is
 * obtained only through `registry.ts`, which wraps it in the middleware (deadline, redaction, effect).
 */
import type { ZodType } from "zod";
import type { Effect, ErrorCode } from "../contracts/errors.ts";
import type { CheckResult } from "../contracts/messages.ts";
import type { OperationKind } from "../contracts/states.ts";
import type { Secret, SecretForm } from "../contracts/secret.ts";
import type { LegalPassword } from "../contracts/strength.ts";
import type { Dialect } from "../templates/language/dialect.ts";
import type { BoundScript } from "../templates/language/script.ts";

/** The system to talk to. */
export interface Device {
  /** Host name or address. */
  readonly address: string;
  /** TCP port; the plugin's default when absent. */
  readonly port?: number;
  /** Settings of this plugin for this device, already parsed by the plugin's `settings` schema. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** `SHA256:…` of the pinned host key or certificate. */
  readonly pinnedIdentity?: string;
}

/** The account whose password is changed. */
export interface Account {
  readonly username: string;
  /** Empty when the account has none. */
  readonly domain: string;
  /** Free text of the credential: a database name, for instance. */
  readonly additionalInfo: string;
}

/** An account with the password it logs in with. */
export interface Login extends Account {
  readonly password: Secret;
}

/** What the caller gives to every verb. */
export interface Call {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
  /** Aborted when the time is over: the plugin destroys its connection at once. */
  readonly signal: AbortSignal;
  /** Takes one line of dialogue for the attempt's transcript; secrets are masked on the way. */
  transcript(line: string): void;
}

export interface Change {
  readonly account: Account;
  /** The password the account has now, when known (needed where the account changes its own). */
  readonly current?: Secret;
  readonly next: Secret;
  /** True when the account that logged in is the account itself. */
  readonly own: boolean;
  /** What the credential's template says to do; absent where the plugin knows by itself. */
  readonly script?: BoundScript;
}

/** An authenticated connection of the account that makes the change. */
export interface Session {
  /**
   * Changes the password. Must await `pointOfNoReturn` before the first byte that carries the new password, and must
   * not send it when that rejects. Throws {@link PluginFailure}; one with `refused` says the device answered no.
   */
  apply(change: Change, call: Call, pointOfNoReturn: () => Promise<void>): Promise<void>;
  /**
   * Runs a template of a kind that changes no password: users, groups, activation. Must await `pointOfNoReturn` before
   * the first byte that may change something. Throws as `apply` does. Absent where the plugin has no such kinds.
   */
  run?(script: BoundScript, call: Call, pointOfNoReturn: () => Promise<void>): Promise<void>;
  /**
   * Runs a template up to its first command that carries a password, any of `PASSWORD_TAGS`, which is not sent; those
   * before it are. Where the plugin can tell that a command would change something that it cannot undo, it stops before
   * that one. Absent where nothing can be seen that way. Throws {@link PluginFailure}.
   * @returns the line it stopped before; undefined when there is none and the template was run to its end
   */
  rehearse?(script: BoundScript, call: Call): Promise<number | undefined>;
  /** Whether the session can make another change. A session that failed answers false. */
  reusable(): boolean;
  /** Ends the connection politely. Never throws. */
  close(): Promise<void>;
  /** Cuts the connection at once: nothing more is sent. Never throws. */
  destroy(): void;
}

/** A session of a plugin whose templates are of every kind. */
export type ScriptSession = Session & Required<Pick<Session, "run" | "rehearse">>;

export interface Capabilities {
  readonly template: "none" | "optional" | "required";
  /** Whether an account can change its own password, and whether another account can. */
  readonly ownAccount: boolean;
  readonly otherAccount: boolean;
  readonly operations: readonly OperationKind[];
  /** How long a new password may need until it logs in. Milliseconds. */
  readonly propagationMs: number;
  /** How long something sent may still take effect after the connection was cut. Milliseconds. */
  readonly settleMs: number;
  /** Whether its work needs a browser or another heavy helper. */
  readonly heavy: boolean;
}

export interface Plugin {
  readonly kind: string;
  readonly title: string;
  /** Schema of a device's settings for this plugin. Unknown fields are refused. */
  readonly settings: ZodType<Record<string, unknown>>;
  readonly capabilities: Capabilities;
  /** The language of its templates; absent when it takes none. */
  readonly language?: Dialect;
  /** Set where no real server has proven it yet. */
  readonly experimental?: true;
  /** What passwords the device can take under these settings. */
  legalPassword(settings: Readonly<Record<string, unknown>>, own: boolean): LegalPassword;
  /**
   * How long an old password may go on logging in after a change, under these settings; absent where it stops at once.
   * Milliseconds.
   */
  lingerMs?(settings: Readonly<Record<string, unknown>>): number;
  /** Set where a secret is no password out of an alphabet. */
  readonly secretForm?: SecretForm;
  /**
   * Asks the device for its host key or certificate without logging in.
   * @returns `SHA256:` and the base64 digest; undefined where the protocol has none (an unencrypted one).
   */
  identify(device: Device, call: Call): Promise<string | undefined>;
  /**
   * Precheck: reaches the device, checks its identity, logs in. Throws {@link PluginFailure}, effect none.
   * @param script the template that the session is for: it may say how to log in
   */
  open(device: Device, login: Login, call: Call, script?: BoundScript): Promise<Session>;
  /**
   * Says whether the password is the account's, by one fresh log-in. `accepted` only if the device demanded and
   * checked it. Never throws for what the device does: an unreachable one is `unknown` with its code.
   * @param script the credential's template, where it has one: it may say how to log in
   */
  verify(device: Device, login: Login, call: Call, script?: BoundScript): Promise<CheckResult>;
  /**
   * Has the device save what is in force, so that it survives a restart. Given where `apply` sets a password first and
   * saves it then, so that the second may get lost, or puts the old password back when it cannot. Throws
   * {@link PluginFailure} unless the device says that it has saved.
   * @param login who makes changes: the account itself, with its new password, or another one
   */
  save?(device: Device, login: Login, call: Call): Promise<void>;
}

/** The only error a plugin may throw for what a device did. */
export class PluginFailure extends Error {
  override readonly name = "PluginFailure";
  readonly code: ErrorCode;
  /** True when the device clearly answered no: the password did not change although it was sent. */
  readonly refused: boolean;
  /** Set by the middleware: `none` before the point of no return or when refused, else `unknown`. */
  effect: Effect = "unknown";

  /**
   * @param code from the catalogue
   * @param detail what the device said, without secrets; kept in the attempt's record, never in Temporal
   */
  constructor(code: ErrorCode, detail = "", options: { refused?: boolean; cause?: unknown } = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.refused = options.refused ?? false;
  }
}
