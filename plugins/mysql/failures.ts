import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import { transportFailure } from "../tls/failures.ts";

type Meaning = readonly [ErrorCode, string];

/** By the server's error number: https://mariadb.com/kb/en/mariadb-error-codes/ */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  1045: ["auth.rejected", "access denied"],
  // For accounts that log in by something else than a password, and by chance for names that are none: MariaDB asks
  // those as it asks an account it picks, to hide which names there are.
  1698: ["auth.rejected", "access denied, whatever the password"],
  1862: ["auth.must-change", "the password has expired"],
  1820: ["auth.must-change", "the password must be changed first"],
  4151: ["auth.locked", "the account is locked"],
  3118: ["auth.locked", "the account is locked"],
  4150: ["auth.locked", "the account is blocked after wrong passwords"],
  3955: ["auth.locked", "the account is blocked after wrong passwords"],
  1129: ["auth.not-permitted", "this client is blocked after broken connections (FLUSH HOSTS)"],
  1130: ["auth.not-permitted", "no account may log in from this client"],
  1044: ["auth.not-permitted", "no right to the database"],
  1142: ["auth.not-permitted", "no right to the table"],
  1227: ["auth.not-permitted", "a privilege is missing"],
  1370: ["auth.not-permitted", "no right to the routine"],
  3530: ["auth.not-permitted", "a privilege is missing"],
  1133: ["account.unknown", "there is no such account"],
  1396: ["change.refused", "the statement about the account failed"],
  1819: ["change.refused", "the password does not satisfy the server's rules"],
  3638: ["change.refused", "the password was used before"],
  1290: ["target.unexpected", "an option of the server forbids the statement (read-only, strict_password_validation)"],
  1064: ["target.unexpected", "the server cannot read the statement"],
  3892: ["target.unexpected", "the present password is wanted, too"],
  1040: ["target.busy", "too many connections"],
  1203: ["target.busy", "too many connections of the account"],
  1226: ["target.busy", "the account has used up what it may"],
  1205: ["target.busy", "a lock was waited for too long"],
  1213: ["target.busy", "a deadlock"],
  1969: ["target.timeout", "the statement took too long"],
  1317: ["target.connection-lost", "the statement was ended"],
  1053: ["target.connection-lost", "the server is shutting down"],
  1927: ["target.connection-lost", "the connection was ended"],
};

/** Numbers that are said before anything was done: the server clearly answered no. */
const REFUSALS = new Set([1044, 1064, 1133, 1142, 1205, 1213, 1227, 1290, 1370, 1396, 1819, 1820, 3530, 3638, 3892]);

/** Codes of the connector for connections that ended. */
const LOST = new Set(["ER_SOCKET_UNEXPECTED_CLOSE", "ER_CONNECTION_ALREADY_CLOSED", "ER_CMD_CONNECTION_CLOSED"]);

/** Number of the server's error; undefined for one of the connector or of the system. */
export function numberOf(error: unknown): number | undefined {
  const errno = error instanceof Error && "errno" in error ? error.errno : undefined;
  // The connector's own begin at 45,000, and the system's are negative.
  return typeof errno === "number" && errno >= 1000 && errno < 45_000 ? errno : undefined;
}

/** An error of the server. Its text is left out everywhere: it repeats the statement. */
export class ServerFailure extends PluginFailure {
  readonly errno: number;

  constructor(errno: number) {
    const [code, meaning] = MEANINGS[errno] ?? ["target.unexpected", "an error that the plugin does not know"];
    super(code, `The server answered ${errno}: ${meaning}.`, { refused: REFUSALS.has(errno) });
    this.errno = errno;
  }
}

/** What the server or the connection said, out of whatever the connector threw. */
export function failureOf(error: unknown): PluginFailure {
  if (error instanceof PluginFailure) return error;
  const errno = numberOf(error);
  if (errno !== undefined) return new ServerFailure(errno);
  const transport = transportFailure(error);
  if (transport) return new PluginFailure(transport.code, "The connection failed.");
  const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
  if (LOST.has(code)) return new PluginFailure("target.connection-lost", "The server closed the connection.");
  return new PluginFailure("target.unexpected", `The connector reported ${code}.`);
}
