import type { Socket } from "node:net";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { askInClear, openTcp, secure, showIdentity } from "../tls/connect.ts";
import { settingsOf } from "./settings.ts";

const DEFAULT_PORT = 5432;
/** https://www.postgresql.org/docs/current/protocol-message-formats.html, SSLRequest */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const TLS_ACCEPTED = 0x53;

/**
 * Connects and, unless TLS is off, proves the server's identity before anything else is said. The driver's own TLS
 * would send the start-up message, with the user's name, before a pin could be compared.
 * @throws PluginFailure
 */
export async function openSocket(device: Device, call: Call): Promise<Socket> {
  const trust = settingsOf(device);
  if (trust.tls === "off") return openTcp(device, call, DEFAULT_PORT);
  return secure(await openForTls(device, call), { device, call, trust });
}

/** The certificate's fingerprint, without logging in. */
export async function readIdentity(device: Device, call: Call): Promise<string | undefined> {
  const trust = settingsOf(device);
  if (trust.tls === "off") return undefined;
  return showIdentity(await openForTls(device, call), { device, call, trust });
}

/** A connection on which the server waits for the first message of TLS. */
async function openForTls(device: Device, call: Call): Promise<Socket> {
  const socket = await openTcp(device, call, DEFAULT_PORT);
  const answer = await askInClear(socket, call, SSL_REQUEST);
  // More than one byte would be clear text that somebody slipped in before the encryption (CVE-2021-23222).
  if (answer.length === 1 && answer[0] === TLS_ACCEPTED) return socket;
  socket.destroy();
  throw new PluginFailure(
    "target.unexpected",
    'The server does not offer TLS. Switch it on there, or set `tls: "off"`.',
  );
}
