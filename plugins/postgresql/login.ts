import type { Socket } from "node:net";
import pg from "pg";
import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { cutInTime } from "../tls/wait.ts";
import { openSocket } from "./socket.ts";
import { settingsOf } from "./settings.ts";

/** One log-in: how far it came, whatever its end. */
export interface LoginResult {
  readonly client: pg.Client;
  readonly socket: Socket;
  /** The server demanded a password. */
  readonly asked: boolean;
  /** It took one; with SCRAM it also proved that it knows it, so a server that only pretends to check is found out. */
  readonly checked: boolean;
  /** It said that it is satisfied; it may still refuse the session (NOLOGIN, no such database, full). */
  readonly authenticated: boolean;
  /** Why there is no session. */
  readonly error?: unknown;
}

/**
 * Makes one log-in within the call's connect time.
 * @throws PluginFailure when it did not come to asking the server: not reached, or not the right server
 */
export async function logIn(device: Device, login: Login, call: Call): Promise<LoginResult> {
  if (login.username === "" || login.username.includes("\0"))
    throw new PluginFailure("account.unknown", "No role can have this name.");
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(call.connectTimeoutMs)]);
  const socket = await openSocket(device, { ...call, signal });
  const encrypted = "encrypted" in socket;
  let asked = false;
  let checked = false;
  let authenticated = false;
  let weak = false;
  const client = new pg.Client({
    stream: () => connected(socket),
    ssl: false,
    user: login.username,
    database: settingsOf(device).database,
    application_name: "keyturn",
    // Called only when the server asks.
    password: () => {
      if (weak && !encrypted)
        throw new PluginFailure("target.unexpected", "The server asks for the password in a form that needs TLS.");
      asked = true;
      checked = weak;
      return login.password.reveal();
    },
  });
  const weakly = () => {
    weak = true;
  };
  client.connection.on("authenticationCleartextPassword", weakly).on("authenticationMD5Password", weakly);
  client.connection.on("authenticationSASLFinal", () => {
    checked = true;
  });
  client.connection.on("authenticationOk", () => {
    authenticated = true;
  });
  // Without a listener the end of an idle connection would end the process.
  client.on("error", () => {});
  const unwatch = cutInTime(socket, { signal, silenceMs: call.connectTimeoutMs });
  try {
    await client.connect();
    return { client, socket, asked, checked, authenticated };
  } catch (error) {
    socket.destroy();
    return { client, socket, asked, checked, authenticated, error };
  } finally {
    unwatch();
  }
}

/** The driver connects its stream itself; this one is connected already. */
function connected(socket: Socket): Socket {
  socket.connect = () => {
    process.nextTick(() => socket.emit("connect"));
    return socket;
  };
  return socket;
}
