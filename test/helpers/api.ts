import { createSecretKey, randomBytes } from "node:crypto";
import type { FastifyInstance, InjectOptions } from "fastify";
import { buildApp } from "../../api/app.ts";
import type { ApiDeps, PluginInfo } from "../../api/deps.ts";
import { openOrchestrator } from "../../api/temporal.ts";
import type { Role } from "../../contracts/roles.ts";
import { createVault, type Vault } from "../../crypto/envelope.ts";
import { type Database, openDatabase } from "../../db/client.ts";
import { createToken, makeTokenValue } from "../../db/queries/tokens.ts";
import { freshDatabase } from "./database.ts";

export interface Answer<T> {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: T;
}

/** The API on a database of its own, asked without a socket. */
export interface TestApi {
  readonly app: FastifyInstance;
  readonly db: Database;
  readonly vault: Vault;
  /** Everything the API logged. */
  readonly log: string[];
  /** Asks as a person with these roles. */
  as(roles: readonly Role[], owner?: string): Promise<Ask>;
  close(): Promise<void>;
}

export type Ask = <T = Record<string, unknown>>(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  url: string,
  options?: { body?: object | string; headers?: Record<string, string> },
) => Promise<Answer<T>>;

/** A plugin as the API sees it; its device takes nothing but a TLS switch. */
export const PLAIN_PLUGIN: PluginInfo = {
  kind: "plain",
  title: "Plain",
  capabilities: {
    template: "none",
    ownAccount: true,
    otherAccount: true,
    operations: ["change-password"],
    propagationMs: 0,
    settleMs: 0,
    heavy: false,
  },
  parseSettings: (settings) =>
    typeof settings === "object" && settings !== null && Object.keys(settings).some((key) => key !== "tls")
      ? [{ field: "", rule: "only tls may be set" }]
      : [],
};

/** Builds the API. Temporal is away unless an address is given: the API must work all the same. */
export async function openTestApi(
  options: Partial<Pick<ApiDeps, "plugins" | "requestsPerMinute">> & {
    temporal?: { address: string; namespace: string };
  } = {},
): Promise<TestApi> {
  const database = await freshDatabase();
  const { db, close } = openDatabase(database.url);
  const vault = createVault({ id: "0011223344556677", key: createSecretKey(randomBytes(32)), provider: "environment" });
  const orchestrator = openOrchestrator(
    options.temporal?.address ?? "127.0.0.1:9",
    options.temporal?.namespace ?? "none",
  );
  const log: string[] = [];
  const app = await buildApp({
    db,
    vault,
    orchestrator,
    plugins: options.plugins ?? [PLAIN_PLUGIN],
    requestsPerMinute: options.requestsPerMinute ?? 100_000,
    log: { level: "info", stream: { write: (line) => void log.push(line) } },
  });
  return {
    app,
    db,
    vault,
    log,
    async as(roles, owner = "Ada") {
      const value = makeTokenValue();
      await createToken(db, { name: `${owner}'s token`, owner, roles: [...roles], value });
      return asker(app, value);
    },
    async close() {
      await app.close();
      await orchestrator.close();
      await close();
      await database.drop();
    },
  };
}

/** Asks with this token. */
export function asker(app: FastifyInstance, token: string): Ask {
  return async <T>(method: NonNullable<InjectOptions["method"]>, url: string, options: Parameters<Ask>[2] = {}) => {
    const response = await app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${token}`, ...options.headers },
      ...(options.body ? { payload: options.body } : {}),
    } as InjectOptions);
    const isJson = String(response.headers["content-type"]).includes("json");
    const body: unknown = isJson ? JSON.parse(response.body) : response.body || undefined;
    return { status: response.statusCode, headers: response.headers, body: body as T };
  };
}

/** A device and credentials on it that accept a change. */
export async function makeCredentials(
  admin: Ask,
  count: number,
  name = "db1",
): Promise<{ deviceId: string; ids: string[] }> {
  const device = await admin<{ id: string }>("POST", "/v1/devices", { body: { name, address: `${name}.example` } });
  const ids: string[] = [];
  for (let number = 0; number < count; number += 1) {
    const made = await admin<{ id: string }>("POST", "/v1/credentials", {
      body: {
        deviceId: device.body.id,
        plugin: "plain",
        username: `user${number}`,
        automaticChange: true,
        password: `first-${number}`,
      },
    });
    ids.push(made.body.id);
  }
  return { deviceId: device.body.id, ids };
}
