/** One-shot for real servers: brings the database to this version's schema and makes the Temporal namespace. */
import { readConfig } from "../config/env.ts";
import { migrate } from "../db/migrate.ts";
import { ensureNamespace } from "./engine/namespace.ts";

const config = readConfig();
await migrate(config.DATABASE_URL);
await ensureNamespace(config.TEMPORAL_ADDRESS, config.TEMPORAL_NAMESPACE, { keep: true });
console.log("The database and the Temporal namespace are ready.");
