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
 * @param options.prepared keeps every statement prepared on its connection: for a process that runs the same few
 *   statements again and again
 */
export function openDatabase(url: string, options: { connections?: number; name?: string; prepared?: boolean } = {}) {
  const sql = postgres(url, {
    max: options.connections ?? 10,
    connection: { application_name: options.name ?? "keyturn" },
    onnotice: () => {},
  });
  const db = drizzle(options.prepared ? preparing(sql) : sql, { schema });
  return { db, sql, close: () => sql.end({ timeout: 5 }) };
}

/**
 * The driver with every statement prepared. Drizzle asks for that only where each query has a name; without it each
 * execution is parsed and planned again and costs a second round trip for its parameters' types.
 */
function preparing<Sql extends postgres.Sql | postgres.TransactionSql>(sql: Sql): Sql {
  return new Proxy(sql, {
    get(target, name, receiver): unknown {
      if (name === "unsafe")
        return (text: string, parameters?: never[]) => target.unsafe(text, parameters, { prepare: true });
      if (name === "begin" && "begin" in target)
        return (work: (tx: postgres.TransactionSql) => unknown) => target.begin((tx) => work(preparing(tx)));
      return Reflect.get(target, name, receiver);
    },
  });
}
