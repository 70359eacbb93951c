import { randomBytes } from "node:crypto";
import type { Measured } from "./stats.ts";

export interface BenchAccount {
  readonly username: string;
  /** Changed by whoever changes it on the device. */
  password: string;
}

/** The same change and the same proof, made by the bare driver in a loop. */
export interface BareLoop {
  readonly title: string;
  /** @param port where the device answers: its own, or the delaying proxy's */
  run(port: number, accounts: readonly BenchAccount[], concurrency: number): Promise<Measured>;
}

/** A device with accounts, and what Keyturn needs to know to change them. */
export interface BenchTarget {
  readonly plugin: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly pinnedIdentity?: string;
  /** Logs in to make the changes. */
  readonly administrator: Readonly<BenchAccount>;
  readonly accounts: readonly BenchAccount[];
  /** What the plugin types, where it needs a template. */
  readonly template?: string;
  readonly bareLoops: readonly BareLoop[];
  stop(): Promise<void>;
}

/** 24 characters that no shell, SQL or `chpasswd` line treats specially. */
export function newPassword(): string {
  return randomBytes(18).toString("base64url");
}

export function benchAccounts(count: number): BenchAccount[] {
  return Array.from({ length: count }, (_, index) => ({
    username: `bench${index + 1}`,
    password: newPassword(),
  }));
}
