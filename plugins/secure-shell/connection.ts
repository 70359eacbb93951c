import type { Socket } from "node:net";
import { Client, type ClientCallback, type ClientChannel, type PseudoTtyOptions } from "ssh2";
import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure, type Call, type Device } from "../plugin.ts";
import { askForShellAtOnce, askToLogInAtOnce } from "./ask-together.ts";
import { Conversation } from "./conversation.ts";
import { handshake, openSocket, type Parts } from "./handshake.ts";
import { hearRoundsWithoutPrompts } from "./hear.ts";
import type { Dialogue } from "./login.ts";
import { type Shell, shellOn } from "./shell.ts";
import { limit } from "../terminal/time-limit.ts";

/** How long a polite end may take before the connection is cut. Milliseconds. */
const FAREWELL_MS = 1000;

/** Wide, so that few lines are wrapped. Old devices know this terminal. */
const WINDOW = { term: "vt100", cols: 200, rows: 50, modes: {} } satisfies PseudoTtyOptions;

/** A connection whose host key was checked. */
export interface Connection {
  /** Starts a command, on a terminal where `pty` is given. Throws {@link PluginFailure}. */
  start(command: string, call: Call, pty?: PseudoTtyOptions): Promise<Conversation>;
  /** Starts the account's log-in shell on a terminal. Throws {@link PluginFailure}. */
  shell(call: Call): Promise<Shell>;
  isOpen(): boolean;
  close(): Promise<void>;
  destroy(): void;
}

/**
 * Connects and logs in.
 * @throws PluginFailure with a `target.*` or `auth.*` code
 */
export async function connect(device: Device, call: Call, dialogue: Dialogue): Promise<Connection> {
  const socket = openSocket(device, call);
  const client = new Client();
  // Errors after the log-in end channels too, which is where they are seen.
  client.on("error", () => undefined);
  try {
    await loggedIn({ device, call, dialogue, socket, client });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return wrap(client, socket);
}

/**
 * Asks for the host key and goes away.
 * @returns `SHA256:` and base64, as ssh-keygen prints it
 */
export async function readHostKey(device: Device, call: Call): Promise<string> {
  const socket = openSocket(device, call);
  const client = new Client();
  client.on("error", () => undefined);
  let seen: string | undefined;
  try {
    await handshake({ device, call, socket, client }, (fingerprint) => {
      seen = fingerprint;
      return false;
    });
  } catch (error) {
    if (seen === undefined) throw error;
  } finally {
    socket.destroy();
  }
  if (seen === undefined) throw new PluginFailure("target.unexpected", "the device showed no host key");
  return seen;
}

async function loggedIn(parts: Parts & { readonly dialogue: Dialogue }): Promise<void> {
  const { device, client, dialogue } = parts;
  let shown: string | undefined;
  client.once("connect", () => {
    hearRoundsWithoutPrompts(client, dialogue);
    askToLogInAtOnce(client);
    askForShellAtOnce(client, WINDOW);
  });
  client.on("banner", (text) => dialogue.hear(text));
  client.on("change password", () => dialogue.stop(new PluginFailure("auth.must-change")));
  try {
    await handshake(
      parts,
      (fingerprint) => (shown = fingerprint) === device.pinnedIdentity,
      (settle) => {
        dialogue.onStop(settle);
        return dialogue.handler();
      },
    );
  } catch (error) {
    if (shown !== undefined && shown !== device.pinnedIdentity) {
      const code = device.pinnedIdentity === undefined ? "target.identity-unknown" : "target.identity-mismatch";
      throw new PluginFailure(code, `the device shows ${shown}`, { cause: error });
    }
    throw dialogue.explain(error);
  }
}

function wrap(client: Client, socket: Socket): Connection {
  return {
    start: (command, call, pty) =>
      openChannel(
        { socket, call },
        (opened) => client.exec(command, pty === undefined ? {} : { pty }, opened),
        (channel) => new Conversation(channel, call),
      ),
    shell: (call) => openChannel({ socket, call }, (opened) => client.shell(WINDOW, opened), shellOn),
    isOpen: () => socket.writable && !socket.destroyed,
    async close() {
      if (socket.destroyed) return;
      const closed = new Promise((resolve) => socket.once("close", resolve));
      const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
      client.end();
      await closed;
      clearTimeout(timer);
    },
    destroy: () => void socket.destroy(),
  };
}

async function openChannel<T>(
  { socket, call }: Pick<Parts, "socket" | "call">,
  open: (opened: ClientCallback) => void,
  make: (channel: ClientChannel) => T,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const guard = limit(call, call.readTimeoutMs, reject);
  try {
    open((error, channel) => {
      // Listening begins here and not after an await: the channel's end may be in the same piece of data.
      if (error === undefined) resolve(make(channel));
      else reject(explainRefusal(error, socket));
    });
    return await promise;
  } catch (error) {
    if (error instanceof PluginFailure) throw error;
    throw new PluginFailure("target.connection-lost", "the connection is closed", { cause: error });
  } finally {
    guard();
  }
}

/** ssh2 tells what it waited for when the connection ended as if the device had said no. */
function explainRefusal(error: Error, { destroyed }: Socket): PluginFailure {
  const code = destroyed ? "target.connection-lost" : refusalCode(error.message);
  return new PluginFailure(code, error.message, { cause: error });
}

function refusalCode(said: string): ErrorCode {
  if (/no response/i.test(said)) return "target.connection-lost";
  // sshd's MaxSessions, mostly.
  if (/open failure/i.test(said)) return "target.busy";
  return "auth.not-permitted";
}
