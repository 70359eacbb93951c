import { readFileSync } from "node:fs";
import { z } from "zod";
import { DEFAULT_SITE, NAMESPACE } from "../contracts/ids.ts";

const port = z.coerce.number().int().min(1).max(65_535);
const positive = z.coerce.number().int().min(1);

const Environment = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }).describe("PostgreSQL of Keyturn itself."),
  DATABASE_URL_FILE: z.string().optional().describe("File that holds DATABASE_URL, instead of the variable."),
  TEMPORAL_ADDRESS: z.string().min(1).default("127.0.0.1:7233").describe("host:port of the Temporal server."),
  TEMPORAL_NAMESPACE: z.string().min(1).default(NAMESPACE).describe("Temporal namespace of everything Keyturn runs."),
  KEYTURN_HOST: z
    .string()
    .default("127.0.0.1")
    .describe("Address the API listens on; loopback unless a trusted proxy is set."),
  KEYTURN_PORT: port.default(8420).describe("Port of the API."),
  KEYTURN_TRUSTED_PROXY: z.string().optional().describe("Address or CIDR of the proxy that ends TLS before the API."),
  KEYTURN_KEY_FILE: z.string().optional().describe("File of the key that seals passwords; made at the first start."),
  KEYTURN_KEY: z.string().optional().describe("The sealing key itself, 32 bytes in base64, instead of a file."),
  KEYTURN_BOOTSTRAP_TOKEN: z
    .string()
    .optional()
    .describe("Token of the first administrator, used at the first start only."),
  KEYTURN_ADMIN_TOKEN_FILE: z.string().default(".keyturn/admin-token").describe("Where a made first token is kept."),
  KEYTURN_SITES: z.string().default(DEFAULT_SITE).describe("Comma-separated sites this worker serves."),
  KEYTURN_SLOTS: positive.default(50).describe("Changes this worker makes at once, per site."),
  KEYTURN_CACHED_WORKFLOWS: positive.default(400).describe("Workflows this worker keeps in memory."),
  KEYTURN_WORKFLOW_BUNDLE: z.string().optional().describe("Prebuilt workflow bundle; bundled at start when absent."),
  KEYTURN_WORKER_METRICS_PORT: port.optional().describe("Port of the worker's own /metrics on loopback."),
  KEYTURN_LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error"])
    .default("info")
    .describe("Least level that is logged."),
});

export type Config = Readonly<z.infer<typeof Environment>>;

/** Variable names with their description, for the documents and the test that ties them. */
export const VARIABLES: readonly { name: string; description: string }[] = Object.entries(Environment.shape).map(
  ([name, schema]) => ({ name, description: schema.description ?? "" }),
);

/**
 * Parses the environment once, for an entry point.
 * @throws Error that lists every variable that is missing or wrong, by name and rule, never by value
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  if (given["DATABASE_URL_FILE"]) given["DATABASE_URL"] ??= readFileSync(given["DATABASE_URL_FILE"], "utf8").trim();
  const parsed = Environment.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`These settings need mending:\n${problems.join("\n")}`);
}
