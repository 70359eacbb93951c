import { setImmediate } from "node:timers/promises";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import * as schema from "./schema/index.ts";

export type Database = ReturnType<typeof openDatabase>["db"];
export type Transaction = Parameters<Parameters<Database["transaction"]>[0]>[0];

/**
 * What plans assume: pages are in memory or on a solid-state disk, and answers are wanted in milliseconds, so that
 * compiling a statement never pays. The list weighs its ways by such plans.
 */
const PLANNING = { random_page_cost: "1.1", jit: "off" };

/**
 * A process that is frozen or cut off within a transaction holds its locks, and no probe, sweep or person gets past
 * them. None of ours pauses for so long between two statements: after it the database lets go of them. Milliseconds.
 */
const LOCKS = { idle_in_transaction_session_timeout: 30_000 };

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
    connection: { application_name: options.name ?? "keyturn", ...PLANNING, ...LOCKS },
    onnotice: () => {},
  });
  const db = drizzle(adapted(sql, { prepare: options.prepared ?? false, lost: () => false }), { schema });
  return { db, sql, close: () => sql.end({ timeout: 5 }) };
}

/**
 * The same pool, with every statement prepared on its connection and so sent without waiting for the one before: for
 * bulk work that repeats a few statements.
 */
export function prepared({ $client }: Database): Database {
  return drizzle(adapted($client, { prepare: true, lost: () => false }), { schema });
}

/** Longer ones insert many rows and differ with their number: kept on the server they would only fill its memory. */
const LONGEST_PREPARED = 10_000;

interface Adaptation {
  readonly prepare: boolean;
  /** Whether the connection of this transaction is gone. */
  lost(): boolean;
}

/**
 * The driver, with two habits of ours:
 * - every statement prepared, where asked for. Drizzle asks for that only where each query has a name; without it each
 *   execution is parsed and planned again and costs a second round trip for its parameters' types;
 * - no rollback on a connection that died: postgres 3.4.9 writes it to no socket, outside of any promise, and that
 *   ends the process.
 */
function adapted<Sql extends postgres.Sql | postgres.TransactionSql>(sql: Sql, how: Adaptation): Sql {
  return new Proxy(sql, {
    get(target, name, receiver): unknown {
      if (name === "unsafe" && how.prepare)
        return (text: string, parameters?: never[]) =>
          target.unsafe(text, parameters, { prepare: text.length < LONGEST_PREPARED });
      if (name === "begin" && "begin" in target) return (work: Work) => begin(target, work, how);
      if (name === "savepoint" && "savepoint" in target)
        return (work: Work) => target.savepoint((inner) => unlessLost(work(adapted(inner, how)), how));
      return Reflect.get(target, name, receiver);
    },
  });
}

type Work = (tx: postgres.TransactionSql) => Promise<unknown>;

/** The driver's `begin` fails at once when the connection dies, before its work does. */
function begin(sql: postgres.Sql, work: Work, { prepare }: Adaptation): Promise<unknown> {
  let failed = false;
  const how = { prepare, lost: () => failed };
  const transaction = sql.begin((tx) => unlessLost(work(adapted(tx, how)), how));
  transaction.catch(() => (failed = true));
  return transaction;
}

/** The driver rolls back what rejects; on a dead connection this never settles, and nobody waits for it any more. */
async function unlessLost<T>(work: Promise<T>, { lost }: Adaptation): Promise<T> {
  try {
    return await work;
  } catch (error) {
    await setImmediate();
    if (lost()) await new Promise<never>(() => {});
    throw error;
  }
}
