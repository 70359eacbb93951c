import type { z } from "zod";
import type { PluginList } from "../contracts/administration.schema.ts";
import type { Vault } from "../crypto/envelope.ts";
import type { Database } from "../db/client.ts";
import type { Orchestrator } from "./temporal.ts";

/** A plugin as the API knows it: what it can do, and whether settings fit it. Never its code. */
export type PluginInfo = z.infer<typeof PluginList>["items"][number] & {
  /** Fields that do not fit and the rule each one breaks; empty when all fit. */
  parseSettings(settings: unknown): readonly { field: string; rule: string }[];
};

/** Everything the API works with, so that tests give it their own. */
export interface ApiDeps {
  readonly db: Database;
  readonly vault: Vault;
  readonly orchestrator: Orchestrator;
  readonly plugins: readonly PluginInfo[];
  /** Requests one address may make in a minute. */
  readonly requestsPerMinute: number;
  /** Address or network of the proxy whose X-Forwarded-For is believed. */
  readonly trustedProxy?: string | undefined;
  readonly log: { readonly level: string; readonly stream?: { write(line: string): void } };
}
