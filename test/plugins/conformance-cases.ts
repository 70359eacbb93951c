/** The cases of the suite that every plugin passes, and what a plugin's entry says of itself. */
import type { Plugin } from "../../plugins/plugin.ts";
import type { ConformanceTarget } from "./conformance-target.ts";

/** In the order of the table in `docs/plugins/README.md`, which explains them by these words. */
export const CASES = {
  own: "an account changes its own password, and again",
  others: "another account changes passwords, several over one session where it keeps one",
  odd: "user names and passwords with odd characters",
  "odd-own": "odd passwords of the account itself",
  many: "many accounts at once",
  race: "one account from several sides at once",
  "wrong-password": "a wrong password of the account that logs in: nothing changes",
  "unknown-account": "an account that does not exist: it is not made",
  "no-right": "an account without the right: nothing changes",
  "impossible-password": "a password that cannot be sent: it is not",
  "lost-point": "a point of no return that rejects: nothing is sent",
  identity: "the device's identity is read without a log-in, and can be pinned",
  "wrong-identity": "an unknown or another identity: nobody logs in",
  trusting: "a device that asks for no password proves none",
  unreachable: "a device that is gone",
  silent: "a device that says nothing",
  cut: "a connection cut at each step after the point of no return",
  "cut-answer": "a connection cut at the device's answer",
  "cut-at-point": "a connection cut at the point of no return",
  "stop-at-point": "stopped by its caller at the point of no return",
  "stop-silent": "stopped by its caller while the device is silent",
  "stop-before": "stopped by its caller before it began",
} as const;
export type CaseName = keyof typeof CASES;

/** A plugin's entry: `test/plugins/<kind>.conformance.ts` exports one as `conformance`. */
export interface Conformance {
  readonly kind: string;
  /** The real server that it runs against, with the version: `OpenSSH 9.2`. */
  readonly server: string;
  /** Cases that the protocol cannot have, each with the reason. */
  readonly leftOut?: Readonly<Partial<Record<CaseName, string>>>;
  /** The device has one password, so that its cases come one after the other. */
  readonly oneAccount?: boolean;
  start(plugin: Plugin): Promise<ConformanceTarget>;
}
