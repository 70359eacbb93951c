import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import { transportFailure } from "../tls/failures.ts";

type Meaning = readonly [ErrorCode, string];

/** By the server's number: https://learn.microsoft.com/sql/relational-databases/errors-events/database-engine-events-and-errors */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  18456: ["auth.rejected", "login failed"],
  18470: ["auth.locked", "the login is disabled"],
  18486: ["auth.locked", "the login is locked out"],
  18487: ["auth.must-change", "the password has expired"],
  18488: ["auth.must-change", "the password must be changed"],
  18452: ["auth.not-permitted", "only Windows logins are allowed"],
  4060: ["auth.not-permitted", "the database cannot be opened"],
  229: ["auth.not-permitted", "a permission is missing"],
  230: ["auth.not-permitted", "a permission is missing"],
  297: ["auth.not-permitted", "a permission is missing"],
  300: ["auth.not-permitted", "a permission is missing"],
  15151: ["auth.not-permitted", "the login may not be altered, or its old password is another"],
  15247: ["auth.not-permitted", "a permission is missing"],
  15007: ["account.unknown", "there is no such login"],
  15025: ["target.unexpected", "the name exists already"],
  15113: ["auth.locked", "the account is locked"],
  15114: ["change.refused", "the password was changed too recently"],
  15115: ["change.refused", "the password was used before"],
  15116: ["change.refused", "the password is too short"],
  15117: ["change.refused", "the password is too long"],
  15118: ["change.refused", "the password is not complex enough"],
  15119: ["change.refused", "the server's password filter does not take the password"],
  33062: ["change.refused", "the password does not meet the policy"],
  33064: ["change.refused", "the password is too short for the policy"],
  102: ["target.unexpected", "the server cannot read the statement"],
  1205: ["target.busy", "a deadlock"],
  1222: ["target.busy", "a lock was waited for too long"],
  10928: ["target.busy", "a limit of the server is reached"],
  10929: ["target.busy", "a limit of the server is reached"],
  17809: ["target.busy", "too many connections"],
  40197: ["target.busy", "the service is busy"],
  40501: ["target.busy", "the service is busy"],
  40613: ["target.busy", "the database is not available at the moment"],
};

/** Numbers that are said before anything was done: the server clearly answered no. */
const REFUSALS = new Set([
  102, 229, 230, 297, 300, 1205, 1222, 15007, 15025, 15113, 15114, 15115, 15116, 15117, 15118, 15119, 15151, 15247,
  33062, 33064,
]);

/** Codes of the driver. */
const DRIVER: Readonly<Record<string, ErrorCode>> = {
  ETIMEOUT: "target.timeout",
  EABORT: "target.timeout",
  ECANCEL: "target.timeout",
  ESOCKET: "target.connection-lost",
  ECLOSE: "target.connection-lost",
  EINVALIDSTATE: "target.connection-lost",
};

/** What the server's number means. Its text is left out everywhere: it may repeat the statement. */
export function serverFailure(number: number): PluginFailure {
  const [code, meaning] = MEANINGS[number] ?? ["target.unexpected", "an error that the plugin does not know"];
  return new PluginFailure(code, `SQL Server answered ${number}: ${meaning}.`, { refused: REFUSALS.has(number) });
}

/**
 * The same for whatever the driver threw.
 * @param number what the server said, when that is known from elsewhere
 */
export function failureOf(error: unknown, number?: number): PluginFailure {
  if (error instanceof PluginFailure) return error;
  const own = number ?? (error instanceof Error && "number" in error ? error.number : undefined);
  if (typeof own === "number") return serverFailure(own);
  const transport = transportFailure(error) ?? (error instanceof Error ? transportFailure(error.cause) : undefined);
  if (transport) return new PluginFailure(transport.code, "The connection failed.");
  const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
  if (code === "EENCRYPT")
    return new PluginFailure("target.unexpected", "One side wants encryption and the other does not: see `tls`.");
  return new PluginFailure(DRIVER[code] ?? "target.unexpected", `The driver reported ${code}.`);
}
