/** The statement that changes the password of a login. */
import { renderText } from "../../templates/language/render.ts";
import { type Call, type Change, PluginFailure } from "../plugin.ts";
import type { Connection } from "./driver.ts";

/**
 * Looks the login up and makes the statement, https://learn.microsoft.com/sql/t-sql/statements/alter-login-transact-sql.
 * Nothing of the new password is sent.
 * @throws PluginFailure
 */
export async function passwordStatement(connection: Connection, change: Change, call: Call): Promise<string> {
  const { username } = change.account;
  const unknown = new PluginFailure(
    "account.unknown",
    "The server shows no SQL login of this name: there is none, or the account that logs in may not see it.",
  );
  if (username === "" || username.includes("\0")) throw unknown;
  const [row] = await connection.ask(
    call,
    `SELECT name, is_disabled AS disabled, CAST(LOGINPROPERTY(name, 'IsLocked') AS int) AS locked
      FROM sys.sql_logins WHERE name = ${literal(username)}`,
  );
  // The server's comparison may leave out cases and blanks; what it found is what is meant.
  const name = row?.["name"];
  if (typeof name !== "string") throw unknown;
  if (row?.["disabled"] === true)
    throw new PluginFailure("auth.locked", "The login is disabled: no password of it would log in.");
  const password = `PASSWORD = ${literal(change.next.reveal())}`;
  const old = change.own && change.current ? ` OLD_PASSWORD = ${literal(change.current.reveal())}` : "";
  const unlock = !change.own && row?.["locked"] === 1 ? " UNLOCK" : "";
  return `ALTER LOGIN ${identifier(name)} WITH ${password}${old}${unlock}`;
}

function literal(text: string): string {
  return renderText(["N'", { tag: "USERNAME" }, "'"], { USERNAME: text }, "sql", "sql-server");
}

function identifier(name: string): string {
  return renderText([{ tag: "USERNAME" }], { USERNAME: name }, "sql", "sql-server");
}
