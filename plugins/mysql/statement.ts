/** The statement that changes a password, for each server and each side. */
import type { Secret } from "../../contracts/secret.ts";
import { type Call, type Change, PluginFailure } from "../plugin.ts";
import { accountName, findAccount, type Identity, type Method, readMethods, refuseOther } from "./account.ts";
import type { Connection } from "./connection.ts";
import { HASHES } from "./hash.ts";
import { literal } from "./quote.ts";

export interface Asked {
  readonly change: Change;
  readonly call: Call;
  readonly form: "hash" | "clear";
  /** Who has logged in. */
  readonly me: Identity;
}

/**
 * Looks up what is needed and makes the statement. Nothing of the new password is sent.
 * @throws PluginFailure
 */
export async function passwordStatement(connection: Connection, asked: Asked): Promise<string> {
  const { change, call, me } = asked;
  if (change.own) refuseOther(change.account, me);
  const account = change.own ? me : await findAccount(connection, call, change.account);
  if (!connection.isMariadb) return mysqlStatement(connection, asked, account);
  if (asked.form === "hash") await refuseChecked(connection, call);
  return mariadbStatement(connection, asked, account);
}

/**
 * MySQL keeps passwords of its own statements out of its logs, and checks them:
 * https://dev.mysql.com/doc/refman/8.4/en/password-logging.html
 */
async function mysqlStatement(connection: Connection, { change, call }: Asked, account: Identity): Promise<string> {
  const next = literal(change.next.reveal());
  if (change.own) {
    const current = change.current && connection.isAtLeast(8, 0, 13) ? literal(change.current.reveal()) : undefined;
    return `ALTER USER USER() IDENTIFIED BY ${next}${current === undefined ? "" : ` REPLACE ${current}`}`;
  }
  const name = accountName(account);
  const [method] = await readMethods(connection, call, name);
  // Without its name the server might take its default plugin instead of the account's.
  return `ALTER USER ${name} IDENTIFIED WITH ${literal(method?.plugin ?? "")} BY ${next}`;
}

/** A server that checks passwords itself refuses hashes by its rules, and says no more than "failed". */
async function refuseChecked(connection: Connection, call: Call): Promise<void> {
  const [row] = await connection.ask(
    call,
    // Beside a bare COUNT(*) MariaDB 10.11 says 0 for the variable, whatever it is.
    `SELECT @@strict_password_validation AS strict, (SELECT COUNT(*) FROM information_schema.plugins
      WHERE plugin_type = 'PASSWORD VALIDATION' AND plugin_status = 'ACTIVE') AS checks`,
  );
  if (Number(row?.["strict"]) === 1 && Number(row?.["checks"]) > 0)
    throw new PluginFailure(
      "target.unexpected",
      'The server checks passwords and takes no hash: set `passwordForm: "clear"`, and mind its logs.',
    );
}

async function mariadbStatement(connection: Connection, asked: Asked, account: Identity): Promise<string> {
  const { change, call } = asked;
  const methods = await readMethods(connection, call, change.own ? "CURRENT_USER()" : accountName(account));
  const ours = methods.filter(({ plugin }) => plugin in HASHES || (plugin === "parsec" && asked.form === "clear"));
  const [only] = ours;
  if (!only)
    throw new PluginFailure(
      "target.unexpected",
      `The account logs in by ${methods.map(({ plugin }) => plugin).join(" or ")}, where this plugin can set no password.`,
    );
  if (!change.own) {
    const ways = methods.map((method) => (ours.includes(method) ? way(method.plugin, asked) : kept(method)));
    return `ALTER USER ${accountName(account)} IDENTIFIED VIA ${ways.join(" OR ")}`;
  }
  if (ours.length > 1)
    throw new PluginFailure(
      "target.unexpected",
      "The account has several passwords, of which it may set one only: let another account change it.",
    );
  return `SET PASSWORD = ${stored(only.plugin, change.next, asked.form)}`;
}

function way(plugin: string, { change, form }: Asked): string {
  return `${plugin} USING ${stored(plugin, change.next, form)}`;
}

function kept({ plugin, stored: value }: Method): string {
  return value === undefined ? plugin : `${plugin} USING ${literal(value)}`;
}

function stored(plugin: string, next: Secret, form: "hash" | "clear"): string {
  const hash = form === "hash" ? HASHES[plugin] : undefined;
  return hash ? literal(hash(next.reveal())) : `PASSWORD(${literal(next.reveal())})`;
}
