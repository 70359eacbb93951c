import { type Call, PluginFailure } from "../plugin.ts";
import type { Connection } from "./connection.ts";
import { serverFailure } from "./failures.ts";
import { type Reply, RespError } from "./resp.ts";

export interface User {
  readonly flags: readonly string[];
  /** SHA-256 of each password, in hex. */
  readonly hashes: readonly string[];
}

/**
 * What the server knows of a user.
 * @throws PluginFailure `account.unknown` when there is none, `auth.not-permitted` when it may not be asked
 */
export async function readUser(connection: Connection, call: Call, username: string): Promise<User> {
  const [reply = null] = await connection.ask(call, [["ACL", "GETUSER", username]]);
  if (reply instanceof RespError) throw serverFailure(reply, "ACL GETUSER");
  if (reply === null) throw new PluginFailure("account.unknown", "The server has no user of this name.");
  return { flags: texts(field(reply, "flags")), hashes: texts(field(reply, "passwords")) };
}

/** How the server keeps its users: in an ACL file, or in its configuration file. */
export async function saveCommand(connection: Connection, call: Call): Promise<readonly string[]> {
  const [reply = null] = await connection.ask(call, [["CONFIG", "GET", "aclfile"]]);
  if (reply instanceof RespError) throw serverFailure(reply, "CONFIG GET aclfile");
  return texts(reply)[1] ? ["ACL", "SAVE"] : ["CONFIG", "REWRITE"];
}

/**
 * Writes the users to disk, as they are.
 * @throws PluginFailure `change.not-persistent` when the server cannot
 */
export async function saveUsers(connection: Connection, call: Call): Promise<void> {
  const save = await saveCommand(connection, call);
  const [reply = null] = await connection.ask(call, [[...save]]);
  if (reply instanceof RespError && reply.word !== "ERR") throw serverFailure(reply, save.join(" "));
  if (reply !== "OK") throw new PluginFailure("change.not-persistent", "Redis could not write its users to disk.");
  call.transcript(`${save.join(" ")} done`);
}

/** A map is told as a list of names and values. */
function field(reply: Reply, name: string): Reply {
  const list = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  const at = list.indexOf(name);
  return at < 0 ? null : (list[at + 1] ?? null);
}

function texts(reply: Reply): string[] {
  return Array.isArray(reply) ? reply.filter((each) => typeof each === "string") : [];
}
