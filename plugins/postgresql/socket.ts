import { createHash } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as startTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { loginFailure } from "./failures.ts";
import { settingsOf } from "./settings.ts";

export const DEFAULT_PORT = 5432;
/** https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const TLS_ACCEPTED = 0x53;

/**
 * Connects and, unless TLS is off, proves the server's identity before anything else is said: by the pinned
 * certificate when there is one, else by its authority and name. The driver's own TLS would send the start-up message,
 * with the user's name, before a pin could be compared.
 * @throws PluginFailure
 */
export async function openSocket(device: Device, call: Call): Promise<Socket> {
  const settings = settingsOf(device);
  const socket = await openTcp(device, call);
  if (settings.tls === "off") return socket;
  const secured = await secure(socket, device, call);
  const problem = identityProblem(secured, device);
  if (!problem) return secured;
  secured.destroy();
  throw problem;
}

/** The certificate's fingerprint, without logging in. */
export async function readIdentity(device: Device, call: Call): Promise<string | undefined> {
  if (settingsOf(device).tls === "off") return undefined;
  const secured = await secure(await openTcp(device, call), device, call);
  const seen = fingerprint(secured);
  secured.destroy();
  return seen;
}

/** Cuts the connection when the time is over or the server is silent for too long; returns how to stop watching. */
export function cutInTime(socket: Socket, limits: { signal: AbortSignal; silenceMs: number }): () => void {
  const cut = (why: string) => socket.destroy(Object.assign(new Error(why), { code: "ETIMEDOUT" }));
  const over = () => cut("The time for this step was over.");
  const silent = () => cut("The server was silent for too long.");
  if (limits.signal.aborted) over();
  limits.signal.addEventListener("abort", over, { once: true });
  socket.setTimeout(limits.silenceMs);
  socket.once("timeout", silent);
  return () => {
    limits.signal.removeEventListener("abort", over);
    socket.setTimeout(0);
    socket.off("timeout", silent);
  };
}

async function openTcp(device: Device, call: Call): Promise<Socket> {
  const socket = connect({ host: device.address, port: device.port ?? DEFAULT_PORT, noDelay: true });
  // Errors between two waits are told by the next wait, which finds the socket destroyed.
  socket.on("error", () => {});
  await happens(socket, call, (done) => socket.once("connect", done));
  return socket;
}

/** Contexts by authority: making one reads all its certificates, or the machine's, each time. */
const contexts = new Map<string, SecureContext>();
const MAX_CONTEXTS = 200;

function trusting(authority = ""): SecureContext {
  const known = contexts.get(authority);
  if (known) return known;
  if (contexts.size >= MAX_CONTEXTS) contexts.clear();
  const context = createSecureContext(authority === "" ? {} : { ca: authority });
  contexts.set(authority, context);
  return context;
}

async function secure(socket: Socket, device: Device, call: Call): Promise<TLSSocket> {
  const settings = settingsOf(device);
  let answer: Buffer = Buffer.alloc(0);
  await happens(socket, call, (done) => {
    socket.once("data", (data) => {
      answer = data;
      done();
    });
    socket.write(SSL_REQUEST);
  });
  // More than one byte would be clear text that somebody slipped in before the encryption (CVE-2021-23222).
  if (answer.length !== 1 || answer[0] !== TLS_ACCEPTED) {
    socket.destroy();
    throw new PluginFailure(
      "target.unexpected",
      'The server does not offer TLS. Switch it on there, or set `tls: "off"`.',
    );
  }
  const name = settings.serverName ?? device.address;
  const secured = startTls({
    socket,
    host: name,
    ...(isIP(name) ? {} : { servername: name }),
    secureContext: trusting(settings.caCertificate),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    // The result is read in identityProblem, where a pin may decide instead of the authority.
    rejectUnauthorized: false,
  });
  secured.on("error", () => {});
  await happens(secured, call, (done) => secured.once("secureConnect", done));
  return secured;
}

function identityProblem(socket: TLSSocket, device: Device): PluginFailure | undefined {
  const seen = fingerprint(socket);
  if (device.pinnedIdentity)
    return seen === device.pinnedIdentity
      ? undefined
      : new PluginFailure("target.identity-mismatch", `The server showed ${seen}; pinned is ${device.pinnedIdentity}.`);
  if (socket.authorized) return undefined;
  const why = socket.authorizationError as Error | string;
  const reason = why instanceof Error ? why.message : why;
  return new PluginFailure("target.identity-unknown", `The server's certificate ${seen} is not trusted: ${reason}`);
}

/** Like that of an SSH host key: SHA-256 over the certificate's DER form, in base64 without padding. */
function fingerprint(socket: TLSSocket): string {
  const digest = createHash("sha256").update(socket.getPeerCertificate().raw).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/** Waits for one event of a connection; its end, an error or the time come first as {@link PluginFailure}. */
async function happens(socket: Socket, call: Call, start: (done: () => void) => void): Promise<void> {
  const unwatch = cutInTime(socket, { signal: call.signal, silenceMs: call.connectTimeoutMs });
  let fail: ((error?: unknown) => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      fail = (error) => reject(loginFailure(error instanceof Error ? error : new Error("The connection was closed.")));
      socket.once("error", fail);
      socket.once("close", fail);
      if (socket.destroyed) fail(socket.errored);
      start(resolve);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    unwatch();
    if (fail) socket.off("error", fail).off("close", fail);
  }
}
