/** The statement that changes the password of a user. */
import { renderText } from "../../templates/language/render.ts";
import { type Call, type Change, PluginFailure } from "../plugin.ts";
import type { Connection } from "./driver.ts";
import { isLegal } from "./legal.ts";

const ACCOUNT = "SELECT username AS name FROM all_users WHERE username = :name";

/**
 * Looks the user up and makes the statement, https://docs.oracle.com/en/database/oracle/oracle-database/19/sqlrf/ALTER-USER.html.
 * Nothing of the new password is sent.
 * @throws PluginFailure
 */
export async function passwordStatement(connection: Connection, change: Change, call: Call): Promise<string> {
  const { username } = change.account;
  const unknown = new PluginFailure("account.unknown", "The database has no user of this name.");
  if (username === "" || /["\0]/.test(username)) throw unknown;
  const name = /^[A-Za-z][\w$#]*$/.test(username) ? username.toUpperCase() : username;
  const [row] = await connection.ask(call, ACCOUNT, { name });
  if (row?.["NAME"] !== name) throw unknown;
  const { own, current, next } = change;
  // An account without the right to alter users has to say its old password where its profile checks passwords.
  const replace = own && current && isLegal(current.reveal()) ? ` REPLACE "${current.reveal()}"` : "";
  const user = renderText(['"', { tag: "USERNAME" }, '"'], { USERNAME: name }, "sql", "oracle");
  return `ALTER USER ${user} IDENTIFIED BY "${next.reveal()}"${replace}`;
}
