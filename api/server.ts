/** The API process. */
import { BlockList } from "node:net";
import { pino } from "pino";
import { z } from "zod";
import { type Config, readConfig } from "../config/env.ts";
import { openVault } from "../crypto/check-value.ts";
import { openDatabase } from "../db/client.ts";
import { withEncryptionKeys } from "../db/queries/encryption-keys.ts";
import { forgetKeys } from "../db/queries/idempotency.ts";
import { PLUGINS } from "../plugins/registry.ts";
import type { Plugin } from "../plugins/plugin.ts";
import { buildApp } from "./app.ts";
import { ensureAdministrator } from "./bootstrap.ts";
import type { PluginInfo } from "./deps.ts";
import { fieldName, ruleText } from "./refused-input.ts";
import { loadLibrary } from "./templates/library.ts";
import { openOrchestrator } from "./temporal.ts";

/** A thousand a second from one address: far above a person or a script, far below an attack's aim. */
const REQUESTS_PER_MINUTE = 60_000;
const HOUR_MS = 3_600_000;

export interface RunningApi {
  /** `http://host:port` */
  readonly url: string;
  /** Answers what is under way, takes nothing new, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the API.
 * @throws Error with a sentence for the operator when database, key or address are not as they must be
 */
export async function startApi(config: Config): Promise<RunningApi> {
  refuseOpenAddress(config);
  const { db, close } = openDatabase(config.DATABASE_URL, { connections: 20, name: "keyturn api" });
  const { vault, notice } = await openVault({
    exclusively: (work) => withEncryptionKeys(db, work),
    keyFile: config.KEYTURN_KEY_FILE ?? ".keyturn/key",
    key: config.KEYTURN_KEY,
  });
  const token = await ensureAdministrator(db, {
    given: config.KEYTURN_BOOTSTRAP_TOKEN,
    file: config.KEYTURN_ADMIN_TOKEN_FILE,
  });
  // For the person who starts it by hand, once; never into a log, which is what a stdout that is no terminal is.
  if (token && process.stdout.isTTY) process.stdout.write(`${token}\n`);
  const orchestrator = openOrchestrator(config.TEMPORAL_ADDRESS, config.TEMPORAL_NAMESPACE);
  const plugins = PLUGINS.map(describePlugin);
  const unfit = await loadLibrary(db, plugins);
  const app = await buildApp({
    db,
    vault,
    orchestrator,
    plugins,
    requestsPerMinute: REQUESTS_PER_MINUTE,
    trustedProxy: config.KEYTURN_TRUSTED_PROXY,
    log: { level: config.KEYTURN_LOG_LEVEL },
  });
  if (notice) app.log.warn(notice);
  if (unfit.length > 0) app.log.error({ files: unfit }, "templates of the library cannot be run and are left out");
  const forgetting = setInterval(() => void forgetKeys(db).catch(() => {}), HOUR_MS).unref();
  const url = await app.listen({ host: config.KEYTURN_HOST, port: config.KEYTURN_PORT });
  return {
    url,
    async stop() {
      clearInterval(forgetting);
      await app.close();
      await Promise.all([orchestrator.close(), close()]);
    },
  };
}

/** Without TLS in front, tokens and revealed passwords would cross the network in clear text. */
function refuseOpenAddress({ KEYTURN_HOST: host, KEYTURN_TRUSTED_PROXY: proxy }: Config): void {
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8, "ipv4");
  loopback.addAddress("::1", "ipv6");
  if (proxy || host === "localhost" || loopback.check(host, host.includes(":") ? "ipv6" : "ipv4")) return;
  throw new Error(
    `KEYTURN_HOST ${host} is not loopback, and this process speaks no TLS. Set KEYTURN_TRUSTED_PROXY to the proxy that ends TLS, or listen on 127.0.0.1.`,
  );
}

function describePlugin({
  kind,
  title,
  capabilities,
  settings,
  experimental,
  language,
  secretForm,
}: Plugin): PluginInfo {
  return {
    kind,
    title,
    capabilities: { ...capabilities, operations: [...capabilities.operations] },
    settings: z.toJSONSchema(settings, { io: "input", unrepresentable: "any" }),
    ...(experimental ? { experimental } : {}),
    ...(language ? { language } : {}),
    ...(secretForm ? { secretForm } : {}),
    parseSettings(values) {
      const { error } = settings.safeParse(values);
      return (error?.issues ?? []).map((issue) => ({
        field: fieldName(issue.path.map(String)),
        rule: ruleText(issue.message, "keys" in issue ? issue.keys : undefined),
      }));
    },
  };
}

/** Runs until a signal to stop. */
async function main(): Promise<void> {
  const api = await startApi(readConfig());
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void api.stop());
}

if (import.meta.main)
  main().catch((error: unknown) => {
    pino({ name: "api" }).fatal(error instanceof Error ? error.message : "the api stopped");
    process.exitCode = 1;
    // Pools opened before the fault would keep the process alive.
    setImmediate(() => process.exit());
  });
