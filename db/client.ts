import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import * as schema from "./schema/index.ts";

export type Database = ReturnType<typeof openDatabase>["db"];
export type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];

/**
 * Opens a pool on Keyturn's own database.
 * @param url `postgres://…`
 * @param options.connections at most so many connections
 * @param options.name shown in `pg_stat_activity`
 */
export function openDatabase(url: string, options: { connections?: number; name?: string } = {}) {
  const sql = postgres(url, {
    max: options.connections ?? 10,
    connection: { application_name: options.name ?? "keyturn" },
    onnotice: () => {},
  });
  const db = drizzle(sql, { schema });
  return { db, sql, close: () => sql.end({ timeout: 5 }) };
}
