import type { Logger } from "pino";
import type { OperationRef } from "../contracts/messages.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { Vault } from "../crypto/envelope.ts";
import type { Database } from "../db/client.ts";
import type { Plugin } from "../plugins/plugin.ts";
import type { SessionPool } from "./sessions.ts";

/** Instants of a change, and of the chain that follows it, that a crash test must hit exactly. */
export type Moment =
  | "staged"
  | "before-point"
  | "after-point"
  | "applied"
  | "verified"
  | "before-commit"
  | "promoted"
  | "children-opened"
  | "drift-claimed"
  | "drift-asked"
  | "page-swept";

/** What the activities work with. Nothing in this folder opens a connection to our own database by itself. */
export interface ActivityDeps {
  readonly db: Database;
  readonly vault: Vault;
  readonly log: Logger;
  /** Name of this worker process, kept with each attempt. */
  readonly worker: string;
  readonly sessions: SessionPool;
  /** The global settings, at most a moment old. */
  settings(): Promise<Settings>;
  /** The plugin with its middleware; undefined when none is registered under the kind. */
  findPlugin(kind: string): Plugin | undefined;
  /** Tells these runs' workflows to read their rows again. Never throws: a lost call is mended by the sweep. */
  wake(refs: readonly OperationRef[]): Promise<void>;
  /** Awaited at each moment of a change. Only crash tests give one. */
  atMoment?(moment: Moment, code: number): Promise<void>;
}
