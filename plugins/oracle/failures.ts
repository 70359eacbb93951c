import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import { transportFailure } from "../tls/failures.ts";

type Meaning = readonly [ErrorCode, string];

/** By the number after `ORA-`: https://docs.oracle.com/en/error-help/db/ */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  1017: ["auth.rejected", "user name or password is wrong"],
  28000: ["auth.locked", "the account is locked"],
  28001: ["auth.must-change", "the password has expired"],
  1045: ["auth.not-permitted", "the user may not create a session"],
  1031: ["auth.not-permitted", "a privilege is missing"],
  1918: ["account.unknown", "there is no such user"],
  988: ["change.refused", "the password cannot be written so"],
  972: ["change.refused", "the password is too long"],
  28003: ["change.refused", "the server's check of passwords failed"],
  28007: ["change.refused", "the password was used before"],
  28219: ["change.refused", "the check of the mandatory profile failed"],
  28008: ["auth.rejected", "the old password is wrong"],
  28221: ["target.unexpected", "the old password is wanted, too"],
  900: ["target.unexpected", "the server cannot read the statement"],
  922: ["target.unexpected", "the server cannot read the statement"],
  933: ["target.unexpected", "the server cannot read the statement"],
  942: ["target.unexpected", "a table does not exist or may not be read"],
  12514: ["target.unexpected", "the listener does not know the service"],
  12505: ["target.unexpected", "the listener does not know the instance"],
  18: ["target.busy", "too many sessions"],
  20: ["target.busy", "too many processes"],
  54: ["target.busy", "the user is being changed by another session"],
  60: ["target.busy", "a deadlock"],
  1033: ["target.busy", "the database is starting or stopping"],
  1034: ["target.busy", "the database is not running"],
  1109: ["target.busy", "the database is not open"],
  2391: ["target.busy", "too many sessions of the user"],
  4021: ["target.busy", "a lock was waited for too long"],
  12516: ["target.busy", "the listener has no free handler"],
  12520: ["target.busy", "the listener has no free handler"],
  12528: ["target.busy", "the instance takes no connections at the moment"],
  1013: ["target.timeout", "the statement was ended"],
  3136: ["target.timeout", "the log-in took too long"],
  28: ["target.connection-lost", "the session was ended"],
  3113: ["target.connection-lost", "the connection ended"],
  3114: ["target.connection-lost", "the connection ended"],
  3135: ["target.connection-lost", "the connection ended"],
};

/** Numbers that are said before anything was done: the server clearly answered no. */
const REFUSALS = new Set([54, 900, 922, 933, 942, 972, 988, 1031, 1918, 4021, 28003, 28007, 28008, 28219, 28221]);

/** Codes of the driver: https://node-oracledb.readthedocs.io/en/latest/user_guide/exception_handling.html */
const DRIVER: Readonly<Record<string, ErrorCode>> = {
  "NJS-003": "target.connection-lost",
  "NJS-123": "target.timeout",
  "NJS-500": "target.connection-lost",
  "NJS-501": "target.connection-lost",
  "NJS-503": "target.unreachable",
  "NJS-505": "target.identity-unknown",
  "NJS-506": "target.identity-unknown",
  "NJS-507": "target.identity-unknown",
  "NJS-508": "target.identity-unknown",
  "NJS-510": "target.timeout",
  "NJS-511": "target.unreachable",
  "NJS-521": "target.connection-lost",
};

/** What the server's number means. Its text is left out everywhere: it may repeat the statement. */
function serverFailure(number: number): PluginFailure {
  const [code, meaning] = MEANINGS[number] ?? ["target.unexpected", "an error that the plugin does not know"];
  const name = `ORA-${String(number).padStart(5, "0")}`;
  return new PluginFailure(code, `Oracle answered ${name}: ${meaning}.`, { refused: REFUSALS.has(number) });
}

/** What the server or the connection said, out of whatever the driver threw. */
export function failureOf(error: unknown): PluginFailure {
  if (error instanceof PluginFailure) return error;
  const number = error instanceof Error && "errorNum" in error ? error.errorNum : undefined;
  if (typeof number === "number" && number > 0) return serverFailure(number);
  const code = error instanceof Error && "code" in error ? String(error.code) : "an error";
  const server = /^ORA-(\d{5})$/.exec(code)?.[1];
  if (server !== undefined) return serverFailure(Number(server));
  const transport = transportFailure(error);
  if (transport) return new PluginFailure(transport.code, "The connection failed.");
  const of = DRIVER[code] ?? "target.unexpected";
  return new PluginFailure(of, `The driver reported ${/^NJS-\d{3}$/.test(code) ? code : "an error"}.`);
}
