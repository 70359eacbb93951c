import { createHash } from "node:crypto";
import type { Secret } from "../../contracts/secret.ts";
import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import type { Connection } from "./connection.ts";
import { serverFailure } from "./failures.ts";
import { isLegal } from "./legal.ts";
import { type Reply, RespError } from "./resp.ts";
import { readUser, saveCommand, type User } from "./user.ts";

/** A logged-in connection that changes passwords, one at a time. */
export function createSession(connection: Connection): Session {
  let usable = true;
  const destroy = () => {
    usable = false;
    connection.destroy();
  };
  return {
    async apply(change, call, pointOfNoReturn) {
      try {
        await apply({ connection, change, call, pointOfNoReturn });
      } catch (error) {
        destroy();
        throw error;
      }
    },
    reusable: () => usable && connection.isOpen(),
    close: async () => destroy(),
    destroy,
  };
}

interface Application {
  readonly connection: Connection;
  readonly change: Change;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

/**
 * Sets the hash and writes the users to disk in one transaction: a connection that is lost on the way leaves either
 * nothing, or a password that survives a restart of the server.
 */
async function apply({ connection, change, call, pointOfNoReturn }: Application): Promise<void> {
  const { username } = change.account;
  if (!isLegal(change.next.reveal()))
    throw new PluginFailure("change.refused", "The new password must be 1 to 512 characters of printable ASCII.");
  const user = await readUser(connection, call, username);
  refuseEarly(user);
  const save = await saveCommand(connection, call);
  call.transcript(`user found; ACL SETUSER … #<hash> and ${save.join(" ")} follow in one transaction`);
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  const set = ["ACL", "SETUSER", username, "resetpass", `#${hashOf(change.next)}`];
  const replies = await connection.ask(call, [["MULTI"], set, save, ["EXEC"]]);
  if (!judge(replies)) await takeBack({ connection, change, call, user });
  call.transcript(`ACL SETUSER and ${save.join(" ")} done`);
}

/** What no password could be proven of afterwards. */
function refuseEarly({ flags }: User): void {
  if (flags.includes("nopass"))
    throw new PluginFailure("verify.no-password-asked", "The server lets this user in with any password.");
  if (flags.includes("off"))
    throw new PluginFailure("auth.locked", "The user is switched off: no password of it would log in.");
}

/**
 * Reads the answers of the transaction.
 * @returns whether the users were written to disk
 * @throws PluginFailure when the password was not set
 */
function judge(replies: readonly Reply[]): boolean {
  // Told when the command was queued: then the whole transaction was thrown away.
  const early = replies.slice(0, -1).find((reply) => reply instanceof RespError);
  if (early) throw serverFailure(early, "the change", { refused: true });
  const results = replies.at(-1) ?? null;
  if (results instanceof RespError) throw serverFailure(results, "EXEC", { refused: true });
  const [set, saved] = Array.isArray(results) ? (results as readonly Reply[]) : [];
  if (set instanceof RespError) throw serverFailure(set, "ACL SETUSER", { refused: true });
  if (set !== "OK") throw new PluginFailure("target.unexpected", "Redis did not answer the transaction.");
  return saved === "OK";
}

interface TakeBack extends Omit<Application, "pointOfNoReturn"> {
  readonly user: User;
}

/**
 * A password that is not on disk is gone after a restart, when the old one is back: the change is undone at once.
 * @throws PluginFailure always
 */
async function takeBack({ connection, change, call, user }: TakeBack): Promise<never> {
  const old = user.hashes.map((hash) => `#${hash}`);
  const undo = ["ACL", "SETUSER", change.account.username, ...old, `!${hashOf(change.next)}`];
  const [undone = null] = await connection.ask(call, [undo]);
  const refused = undone === "OK";
  const then = refused ? "the change was undone" : "the change could not be undone";
  throw new PluginFailure("change.not-persistent", `Redis could not write its users to disk; ${then}.`, { refused });
}

function hashOf(password: Secret): string {
  return createHash("sha256").update(password.reveal()).digest("hex");
}
