import type { z } from "zod";
import type { PluginList } from "../contracts/administration.schema.ts";
import type { SecretForm } from "../contracts/secret.ts";
import type { Vault } from "../crypto/envelope.ts";
import type { Database } from "../db/client.ts";
import type { Dialect } from "../templates/language/dialect.ts";
import type { Orchestrator } from "./temporal.ts";

type Listed = z.infer<typeof PluginList>["items"][number];

/** A plugin as the API knows it: what it can do, and whether settings fit it. Never its code. */
export type PluginInfo = Pick<Listed, "kind" | "title" | "capabilities"> & {
  /** Set where no real server has proven it yet. */
  readonly experimental?: true;
  /** JSON Schema of a device's settings for it. */
  readonly settings?: Listed["settings"];
  /** The language of its templates; absent when it takes none. */
  readonly language?: Dialect;
  /** Set where a secret is no password out of an alphabet. */
  readonly secretForm?: Pick<SecretForm, "rule" | "fits">;
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
