import { createHash } from "node:crypto";
import { connect as connectSocket, type Socket } from "node:net";
import { Client, type ClientChannel, type PseudoTtyOptions } from "ssh2";
import { PluginFailure, type Call, type Device } from "../plugin.ts";
import type { LoginDialogue } from "./login.ts";
import { excerpt } from "./text.ts";

const SSH_PORT = 22;
/** How long a polite end may take before the connection is cut. Milliseconds. */
const FAREWELL_MS = 1000;

/** A connection whose host key was checked. */
export interface Connection {
  /** Starts a command. Throws {@link PluginFailure}. */
  exec(command: string, call: Call, pty?: PseudoTtyOptions): Promise<ClientChannel>;
  isOpen(): boolean;
  close(): Promise<void>;
  destroy(): void;
}

/**
 * Connects and logs in.
 * @throws PluginFailure with a `target.*` or `auth.*` code
 */
export async function connect(device: Device, call: Call, dialogue: LoginDialogue): Promise<Connection> {
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

interface Parts {
  readonly device: Device;
  readonly call: Call;
  readonly socket: Socket;
  readonly client: Client;
}

async function loggedIn(parts: Parts & { readonly dialogue: LoginDialogue }): Promise<void> {
  const { device, client, dialogue } = parts;
  let shown: string | undefined;
  client.once("connect", () => hearRoundsWithoutPrompts(client, dialogue));
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

interface Insides {
  readonly _protocol: {
    readonly _handlers: {
      USERAUTH_INFO_REQUEST(protocol: unknown, name: string, instructions: string, prompts?: readonly unknown[]): void;
    };
  };
}

/**
 * ssh2 answers a round of keyboard-interactive without prompts by itself and tells nobody what it said; sshd says
 * there that an account has expired or is locked. There is no other way to hear it than to stand in ssh2's handler.
 */
function hearRoundsWithoutPrompts(client: Client, dialogue: LoginDialogue): void {
  const handlers = (client as unknown as Insides)._protocol._handlers;
  const inner = handlers.USERAUTH_INFO_REQUEST;
  handlers.USERAUTH_INFO_REQUEST = (protocol, name, instructions, prompts) => {
    if (!prompts?.length) dialogue.hear(instructions);
    inner(protocol, name, instructions, prompts);
  };
}

type Settle = (failure: PluginFailure) => void;

async function handshake(
  { call, socket, client }: Parts,
  isTrusted: (fingerprint: string) => boolean,
  authentication?: (settle: Settle) => ReturnType<LoginDialogue["handler"]>,
): Promise<void> {
  const heard = { connected: false, greeting: "" };
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const lost = (error?: Error) => reject(explainLoss(error, heard));
  const guard = limit(call, call.connectTimeoutMs, reject);
  client
    .once("connect", () => (heard.connected = true))
    .once("ready", () => resolve(undefined))
    .once("error", lost)
    .once("close", () => lost());
  try {
    client.connect({
      sock: socket,
      // ssh2 wants one here; the name that logs in comes with each method.
      username: "keyturn",
      readyTimeout: 0,
      // Group exchange costs a second of our CPU and stops every other connection of the process meanwhile.
      algorithms: {
        kex: {
          append: [],
          prepend: [],
          remove: ["diffie-hellman-group-exchange-sha256", "diffie-hellman-group-exchange-sha1"],
        },
      },
      hostVerifier: (key: Buffer) => isTrusted(fingerprintOf(key)),
      authHandler: authentication?.(reject) ?? (() => undefined),
    });
    // ssh2 reads in its own way; this only keeps what a device says instead of an SSH greeting.
    socket.once("data", (chunk: Buffer) => (heard.greeting = chunk.subarray(0, 200).toString("latin1")));
    await promise;
  } finally {
    guard();
    client.removeListener("error", lost);
  }
}

function openSocket(device: Device, call: Call): Socket {
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped before it began");
  // Small packets must not wait for each other: with Nagle's algorithm a change takes twice as long.
  return connectSocket({ host: device.address, port: device.port ?? SSH_PORT, noDelay: true });
}

interface Heard {
  readonly connected: boolean;
  /** What came first over the connection. */
  readonly greeting: string;
}

function explainLoss(error: Error | undefined, { connected, greeting }: Heard): PluginFailure {
  const cause = error === undefined ? {} : { cause: error };
  const said = error?.message ?? "the connection was closed";
  if (!connected) {
    const code =
      error !== undefined && "code" in error && error.code === "ETIMEDOUT" ? "target.timeout" : "target.unreachable";
    return new PluginFailure(code, said, cause);
  }
  // sshd closes at once, or says so, when it has too many log-ins under way (MaxStartups, PerSourcePenalties).
  if (greeting === "" || /^(Exceeded MaxStartups|Not allowed at this time)/.test(greeting)) {
    return new PluginFailure("target.busy", said, cause);
  }
  if (!greeting.includes("SSH-")) return new PluginFailure("target.unexpected", excerpt(greeting), cause);
  if (/no matching|unsupported|invalid/i.test(said)) return new PluginFailure("target.unexpected", said, cause);
  return new PluginFailure("target.connection-lost", said, cause);
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

function wrap(client: Client, socket: Socket): Connection {
  return {
    exec: (command, call, pty) => startCommand({ client, command, call, pty }),
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

interface Start {
  readonly client: Client;
  readonly command: string;
  readonly call: Call;
  readonly pty: PseudoTtyOptions | undefined;
}

async function startCommand({ client, command, call, pty }: Start): Promise<ClientChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
  const guard = limit(call, call.readTimeoutMs, reject);
  try {
    client.exec(command, pty === undefined ? {} : { pty }, (error, channel) => {
      if (error === undefined) resolve(channel);
      else reject(explainRefusal(error));
    });
    return await promise;
  } catch (error) {
    if (error instanceof PluginFailure) throw error;
    throw new PluginFailure("target.connection-lost", "the connection is closed", { cause: error });
  } finally {
    guard();
  }
}

function explainRefusal(error: Error): PluginFailure {
  const code = /no response/i.test(error.message) ? "target.connection-lost" : "auth.not-permitted";
  return new PluginFailure(code, error.message, { cause: error });
}

/**
 * Rejects when the time is over or the call is aborted.
 * @returns what takes the guard away again
 */
export function limit(call: Call, timeMs: number, reject: (failure: PluginFailure) => void): () => void {
  const abort = () => reject(new PluginFailure("target.timeout", "stopped from outside"));
  const timer = setTimeout(() => reject(new PluginFailure("target.timeout", "no answer in time")), timeMs);
  call.signal.addEventListener("abort", abort, { once: true });
  if (call.signal.aborted) abort();
  return () => {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", abort);
  };
}
