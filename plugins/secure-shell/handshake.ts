import { createHash } from "node:crypto";
import { connect as connectSocket, type Socket } from "node:net";
import type { Client } from "ssh2";
import { PluginFailure, type Call, type Device } from "../plugin.ts";
import { algorithmsFor } from "./algorithms.ts";
import type { Dialogue } from "./login.ts";
import { excerpt } from "../terminal/text.ts";
import { limit } from "../terminal/time-limit.ts";

const SSH_PORT = 22;

/** What makes a connection. */
export interface Parts {
  readonly device: Device;
  readonly call: Call;
  readonly socket: Socket;
  readonly client: Client;
}

type Settle = (failure: PluginFailure) => void;

/**
 * Connects up to the log-in, or to the host key when no authentication is given.
 * @throws PluginFailure
 */
export async function handshake(
  { device, call, socket, client }: Parts,
  isTrusted: (fingerprint: string) => boolean,
  authentication?: (settle: Settle) => ReturnType<Dialogue["handler"]>,
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
      algorithms: algorithmsFor(device),
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

/** Begins to connect. */
export function openSocket(device: Device, call: Call): Socket {
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
  if (/no matching/i.test(said)) return new PluginFailure("target.outdated", said, cause);
  if (/unsupported|invalid/i.test(said)) return new PluginFailure("target.unexpected", said, cause);
  return new PluginFailure("target.connection-lost", said, cause);
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}
