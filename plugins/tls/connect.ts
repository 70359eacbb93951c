/** Connections of plugins that speak TCP and TLS: the server is proven before anything is said to it. */
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
import type { Trust } from "./settings.ts";
import { happens } from "./wait.ts";

/**
 * Connects without TLS.
 * @throws PluginFailure
 */
export async function openTcp(device: Device, call: Call, defaultPort: number): Promise<Socket> {
  const socket = connect({ host: device.address, port: device.port ?? defaultPort, noDelay: true });
  // Errors between two waits are told by the next wait, which finds the socket destroyed.
  socket.on("error", () => {});
  await happens(socket, call, (done) => socket.once("connect", done));
  return socket;
}

/**
 * Sends a request in clear, in a protocol that begins so, and waits for the first piece of the answer.
 * @throws PluginFailure
 */
export async function askInClear(socket: Socket, call: Call, request: Buffer): Promise<Buffer> {
  let answer: Buffer = Buffer.alloc(0);
  await happens(socket, call, (done) => {
    socket.once("data", (data) => {
      answer = data;
      done();
    });
    socket.write(request);
  });
  return answer;
}

/** How to go from TCP to TLS. */
export interface Encryption {
  readonly device: Device;
  readonly call: Call;
  readonly trust: Trust;
}

/**
 * Starts TLS and proves who the server is: by the pinned certificate when there is one, else by authority and name.
 * @throws PluginFailure; the connection is destroyed then
 */
export async function secure(socket: Socket, encryption: Encryption): Promise<TLSSocket> {
  const secured = await encrypt(socket, encryption);
  const problem = identityProblem(secured, encryption.device);
  if (!problem) return secured;
  secured.destroy();
  throw problem;
}

/**
 * The fingerprint of the server's certificate; the connection is ended.
 * @throws PluginFailure
 */
export async function showIdentity(socket: Socket, encryption: Encryption): Promise<string> {
  const secured = await encrypt(socket, encryption);
  const seen = fingerprint(secured);
  secured.destroy();
  return seen;
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

async function encrypt(socket: Socket, { device, call, trust }: Encryption): Promise<TLSSocket> {
  const name = trust.serverName ?? device.address;
  const secured = startTls({
    socket,
    host: name,
    ...(isIP(name) ? {} : { servername: name }),
    secureContext: trusting(trust.caCertificate),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    // The result is read in identityProblem, where a pin may decide instead of the authority.
    rejectUnauthorized: false,
  });
  secured.on("error", () => {});
  await happens(secured, call, (done) => secured.once("secureConnect", done));
  return secured;
}

/** Why the server of a TLS connection is not the right one: its pin decides, or else authority and name. */
export function identityProblem(socket: TLSSocket, device: Device): PluginFailure | undefined {
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
export function fingerprint(socket: TLSSocket): string {
  const digest = createHash("sha256").update(socket.getPeerCertificate().raw).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}
