import { randomBytes } from "node:crypto";
import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { connect, type Connection } from "./connection.ts";
import { serverFailure } from "./failures.ts";
import { RespError } from "./resp.ts";
import { readUser } from "./user.ts";

/**
 * Connects and logs in, within the call's connect time.
 * @throws PluginFailure
 */
export async function logIn(device: Device, login: Login, call: Call): Promise<Connection> {
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(call.connectTimeoutMs)]);
  const connection = await connect(device, { ...call, signal });
  try {
    const words = ["AUTH", login.username, login.password.reveal()];
    const [reply = null] = await connection.ask({ ...call, signal }, [words]);
    if (reply instanceof RespError) throw serverFailure(reply, "AUTH");
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/**
 * Whether the server checks this user's password: one with the flag `nopass` is let in with any. A user who may not
 * read its own flags tries a random password, which Redis counts nowhere.
 * @throws PluginFailure
 */
export async function isChecked(connection: Connection, login: Login, call: Call): Promise<boolean> {
  try {
    const { flags } = await readUser(connection, call, login.username);
    return !flags.includes("nopass");
  } catch (error) {
    if (!(error instanceof PluginFailure) || error.code !== "auth.not-permitted") throw error;
  }
  const [reply = null] = await connection.ask(call, [["AUTH", login.username, randomBytes(24).toString("hex")]]);
  return reply instanceof RespError && reply.word === "WRONGPASS";
}
