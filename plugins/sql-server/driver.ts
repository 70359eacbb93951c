/** What the plugin needs of a driver: so little that a test can stand in for SQL Server. */
import type { Call, Device, Login } from "../plugin.ts";

export type Row = Readonly<Record<string, unknown>>;

/** A logged-in connection on which batches are asked one after the other. */
export interface Connection {
  /**
   * Sends one batch and waits for its answer, for the call's read time at most.
   * @returns the rows of all its results
   * @throws PluginFailure
   */
  ask(call: Call, batch: string): Promise<readonly Row[]>;
  isOpen(): boolean;
  close(): Promise<void>;
  /** Cuts at once. */
  destroy(): void;
}

export interface Driver {
  /**
   * Connects, proves the server and logs in, once, within the call's connect time.
   * @throws PluginFailure
   */
  connect(device: Device, login: Login, call: Call): Promise<Connection>;
  /** The certificate's fingerprint, without logging in. */
  identify(device: Device, call: Call): Promise<string | undefined>;
}
