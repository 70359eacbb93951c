/** What the plugin needs of a driver: so little that a test can stand in for Oracle. */
import type { Call } from "../plugin.ts";

export type Row = Readonly<Record<string, unknown>>;

/** Whom to connect to, and as whom. */
export interface Target {
  readonly user: string;
  readonly password: string;
  /** A connect descriptor. */
  readonly connectString: string;
}

/** A logged-in connection on which statements are asked one after the other. */
export interface Connection {
  /**
   * Sends one statement and waits for its answer, for the call's read time at most.
   * @param binds values by name
   * @returns rows by column, in upper case
   * @throws whatever the driver throws
   */
  ask(call: Call, sql: string, binds?: Readonly<Record<string, string>>): Promise<readonly Row[]>;
  isOpen(): boolean;
  close(): Promise<void>;
  /** Ends it without waiting. */
  destroy(): void;
}

export interface Driver {
  /** Connects and logs in, once. Throws whatever the driver throws. */
  connect(target: Target, call: Call): Promise<Connection>;
}
