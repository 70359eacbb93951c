import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { statementSession } from "../statements/session.ts";
import { type Identity, refuseOther } from "./account.ts";
import type { Connection } from "./connection.ts";
import { isLegal } from "./legal.ts";
import { literal } from "./quote.ts";
import { passwordStatement } from "./statement.ts";

/** A statement that takes longer is ended by the server itself. Seconds. */
export const LIMIT_S = 5;
/** The same for one that waits for a lock or a backup: shorter, because it was certainly not carried out. */
const LOCK_S = 3;

interface Login {
  readonly connection: Connection;
  readonly me: Identity;
  readonly form: "hash" | "clear";
}

/** A logged-in connection that changes passwords, one at a time. */
export function createSession(login: Login): Session {
  const { connection, me } = login;
  return statementSession({
    sql: "mysql",
    ask: (call, sql) => connection.ask(call, sql),
    check: ({ next, script, own, account }) => {
      if (!isLegal(next.reveal()))
        throw new PluginFailure("change.refused", "The new password must be 1 to 79 characters of printable ASCII.");
      if (script && own) refuseOther(account, me);
    },
    change: (change, call, pointOfNoReturn) => setPassword(login, change, { call, pointOfNoReturn }),
    isOpen: () => connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  });
}

async function setPassword(
  { connection, me, form }: Login,
  change: Change,
  { call, pointOfNoReturn }: { call: Call; pointOfNoReturn: () => Promise<void> },
): Promise<void> {
  const sql = await passwordStatement(connection, { change, call, form, me });
  call.transcript(`account found; ${sql.slice(0, sql.indexOf(" ", 6))} … follows`);
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  await connection.ask(call, sql);
  call.transcript("done");
}

/** Modes that change what quotes and backslashes mean, and those that include them. */
const QUOTING = new Set([
  "ANSI",
  "ANSI_QUOTES",
  "DB2",
  "MAXDB",
  "MSSQL",
  "NO_BACKSLASH_ESCAPES",
  "ORACLE",
  "POSTGRESQL",
]);

/**
 * Makes a session read statements as they are quoted here, whatever the server's defaults are, and give up what takes
 * too long: a statement that waits for a lock would else be carried out long after its connection was cut.
 * @throws PluginFailure
 */
export async function prepare(connection: Connection, call: Call): Promise<void> {
  const [row] = await connection.ask(call, "SELECT @@sql_mode AS mode");
  const modes = String(row?.["mode"]).split(",");
  const kept = modes.filter((mode) => !QUOTING.has(mode));
  const charset = ["client", "connection", "results"].map((which) => `character_set_${which} = utf8mb4`);
  const limits = connection.isMariadb
    ? [`max_statement_time = ${LIMIT_S}`, "sql_quote_show_create = 1"]
    : [`innodb_lock_wait_timeout = ${LOCK_S}`, "sql_quote_show_create = 1"];
  const all = [...charset, `lock_wait_timeout = ${LOCK_S}`, ...limits];
  const mode = kept.length === modes.length ? [] : [`sql_mode = ${literal(kept.join(","))}`];
  await connection.ask(call, `SET ${[...all, ...mode].map((one) => `SESSION ${one}`).join(", ")}`);
}
