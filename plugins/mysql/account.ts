/** Which account a name means on a MySQL or MariaDB server, and how it logs in. */
import { type Account, type Call, PluginFailure } from "../plugin.ts";
import type { Connection } from "./connection.ts";
import { literal } from "./quote.ts";

/** An account is a name and the host it comes from: the same name from two hosts is two accounts. */
export interface Identity {
  readonly username: string;
  readonly host: string;
}

/** An account as a statement names it. */
export function accountName({ username, host }: Identity): string {
  return `${literal(username)}@${literal(host)}`;
}

/** One way in which an account may log in. */
export interface Method {
  readonly plugin: string;
  /** What is stored for it; a hash, or the name of a service. */
  readonly stored?: string;
}

/** Who the server says has logged in. */
export async function whoAmI(connection: Connection, call: Call): Promise<Identity> {
  const [row] = await connection.ask(call, "SELECT CURRENT_USER() AS account");
  const account = textOf(row?.["account"]);
  const at = account.lastIndexOf("@");
  return { username: account.slice(0, at), host: account.slice(at + 1) };
}

/**
 * Whether the log-in was that of the account which is meant.
 * @throws PluginFailure when it was another one's: the same name from another host, or somebody else altogether
 */
export function refuseOther({ username, additionalInfo }: Account, found: Identity): void {
  // What a server says that was started without its tables of rights.
  if (/^(skip-grants user)?$/.test(found.username))
    throw new PluginFailure("verify.no-password-asked", "The server lets everybody in.");
  if (found.username !== username)
    throw new PluginFailure("account.unknown", "The server let this name in as an account with another name.");
  if (additionalInfo !== "" && !isSameHost(additionalInfo, found.host))
    throw new PluginFailure("account.ambiguous", `It logs in from here as the account for host '${found.host}'.`);
}

/**
 * The account of this name, with the host part of the additional information, or the only one there is.
 * @throws PluginFailure `account.unknown`, `account.ambiguous`
 */
export async function findAccount(connection: Connection, call: Call, account: Account): Promise<Identity> {
  const { username, additionalInfo } = account;
  const unknown = new PluginFailure("account.unknown", "The server has no account of this name.");
  if (username.includes("\0")) throw unknown;
  const users = connection.isMariadb ? "(SELECT * FROM mysql.user WHERE is_role = 'N') AS users" : "mysql.user";
  const rows = await connection.ask(
    call,
    `SELECT User AS name, Host AS host FROM ${users} WHERE User = ${literal(username)}`,
  );
  // The server's comparison leaves out blanks at the end.
  const hosts = rows.filter((row) => textOf(row["name"]) === username).map((row) => textOf(row["host"]));
  const wanted = additionalInfo === "" ? hosts : hosts.filter((host) => isSameHost(additionalInfo, host));
  const [host] = wanted;
  if (host === undefined) throw unknown;
  if (wanted.length > 1)
    throw new PluginFailure(
      "account.ambiguous",
      `There are accounts of this name for hosts ${wanted.map((one) => `'${one}'`).join(", ")}.`,
    );
  return { username, host };
}

/** https://mariadb.com/kb/en/show-create-user/; MySQL 5.7 has its names in single quotes. */
const CREATE_USER = /^CREATE USER (?:`(?:[^`]|``)*`@`(?:[^`]|``)*`|'(?:[^']|'')*'@'(?:[^']|'')*')/;
const METHOD = /^ (?:IDENTIFIED (?:VIA|WITH)|OR) ['`]?(\w+)['`]?(?: (?:USING|AS) '((?:[^']|'')*)')?/;

/**
 * The ways in which an account may log in, in order.
 * @param who the account as it stands in a statement
 * @throws PluginFailure
 */
export async function readMethods(connection: Connection, call: Call, who: string): Promise<Method[]> {
  const [row = {}] = await connection.ask(call, `SHOW CREATE USER ${who}`);
  const text = textOf(Object.values(row)[0]);
  const name = CREATE_USER.exec(text)?.[0];
  if (name === undefined) throw new PluginFailure("target.unexpected", "The server described the account oddly.");
  const methods: Method[] = [];
  let rest = text.slice(name.length);
  for (let match = METHOD.exec(rest); match; match = METHOD.exec(rest)) {
    const [whole, plugin = "", stored] = match;
    methods.push({ plugin, ...(stored === undefined ? {} : { stored: stored.replaceAll("''", "'") }) });
    rest = rest.slice(whole.length);
  }
  // By a hash alone, or by nothing yet.
  return methods.length > 0 ? methods : [{ plugin: "mysql_native_password" }];
}

function isSameHost(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
