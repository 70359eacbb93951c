/**
 * Proof of the server before the connector speaks to it. The connector compares names and pins only after the log-in;
 * so a connection of our own finds the certificate first, and the connector then takes exactly that one.
 */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { openTcp, secure, showIdentity } from "../tls/connect.ts";
import { happens } from "../tls/wait.ts";
import { ServerFailure } from "./failures.ts";
import { settingsOf } from "./settings.ts";

export const DEFAULT_PORT = 3306;
/** https://mariadb.com/kb/en/connection/: PLUGIN_AUTH, SECURE_CONNECTION, SSL, PROTOCOL_41. */
const CAPABILITIES = 0x0008_8a00;
const SSL = 0x0800;
const UTF8MB4 = 45;
const ERROR = 0xff;

/** Certificates that were proven, in PEM, by device and trust: so each costs one connection in a process's life. */
const proven = new Map<string, string>();
const MAX_PROVEN = 1000;

/**
 * The server's certificate, proven by the device's pin, or by authority and name.
 * @returns PEM, and whether an earlier connection found it
 * @throws PluginFailure
 */
export async function proveServer(device: Device, call: Call): Promise<{ certificate: string; known: boolean }> {
  const key = keyOf(device);
  const known = proven.get(key);
  if (known !== undefined) return { certificate: known, known: true };
  const secured = await secure(await askForTls(device, call), { device, call, trust: settingsOf(device) });
  const certificate = new X509Certificate(secured.getPeerCertificate().raw).toString();
  secured.destroy();
  if (proven.size >= MAX_PROVEN) proven.clear();
  proven.set(key, certificate);
  return { certificate, known: false };
}

/** The server shows another certificate than the proven one. */
export function forgetProof(device: Device): void {
  proven.delete(keyOf(device));
}

/** The certificate's fingerprint, without logging in. */
export async function readIdentity(device: Device, call: Call): Promise<string | undefined> {
  if (settingsOf(device).tls === "off") return undefined;
  return showIdentity(await askForTls(device, call), { device, call, trust: settingsOf(device) });
}

function keyOf(device: Device): string {
  const { caCertificate, serverName } = settingsOf(device);
  return JSON.stringify([device.address, device.port, device.pinnedIdentity, caCertificate, serverName]);
}

/** Connects, reads the server's greeting, and asks to go on in TLS. */
async function askForTls(device: Device, call: Call): Promise<Socket> {
  const socket = await openTcp(device, call, DEFAULT_PORT);
  try {
    offersTls(await readPacket(socket, call));
  } catch (error) {
    socket.destroy();
    throw error;
  }
  const request = Buffer.alloc(36);
  request.writeUIntLE(32, 0, 3);
  request.writeUInt8(1, 3);
  request.writeUInt32LE(CAPABILITIES, 4);
  request.writeUInt32LE(0xff_ffff, 8);
  request.writeUInt8(UTF8MB4, 12);
  socket.write(request);
  return socket;
}

async function readPacket(socket: Socket, call: Call): Promise<Buffer> {
  let data: Buffer = Buffer.alloc(0);
  let read: ((chunk: Buffer) => void) | undefined;
  const length = () => (data.length < 4 ? Infinity : 4 + data.readUIntLE(0, 3));
  await happens(socket, call, (done) => {
    read = (chunk) => {
      data = Buffer.concat([data, chunk]);
      if (data.length >= length() || data.length > 10_000) done();
    };
    socket.on("data", read);
  });
  if (read) socket.off("data", read);
  // More than the greeting would be clear text that somebody slipped in before the encryption.
  if (data.length !== length()) throw new PluginFailure("target.unexpected", "The server did not greet as MySQL does.");
  return data.subarray(4);
}

/** @throws PluginFailure when the greeting says no */
function offersTls(greeting: Buffer): void {
  if (greeting[0] === ERROR && greeting.length >= 3) throw new ServerFailure(greeting.readUInt16LE(1));
  const version = greeting.indexOf(0, 1);
  const at = version + 1 + 4 + 8 + 1;
  if (greeting[0] !== 10 || version < 0 || greeting.length < at + 2)
    throw new PluginFailure("target.unexpected", "The server did not greet as MySQL does.");
  if ((greeting.readUInt16LE(at) & SSL) === 0)
    throw new PluginFailure(
      "target.unexpected",
      'The server does not offer TLS. Switch it on there, or set `tls: "off"`.',
    );
}
