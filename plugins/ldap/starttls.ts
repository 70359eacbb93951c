import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { PluginFailure } from "../plugin.ts";
import { askInClear, type Encryption } from "../tls/connect.ts";

/** Message 1, extended request 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14). */
const REQUEST = Buffer.from(`301d02010177188016${Buffer.from("1.3.6.1.4.1.1466.20037").toString("hex")}`, "hex");
/** Message 1, extended response, result code success: whatever follows in the message is text. */
const ACCEPTED = /^30(?:[0-7].|81..|82....|84........)02010178(?:[0-7].|81..|82....|84........)0a0100/;

/**
 * Asks for TLS on a connection in clear, then starts it.
 * @param start goes from TCP to TLS
 * @throws PluginFailure
 */
export async function startTls<T extends TLSSocket | string>(
  socket: Socket,
  encryption: Encryption,
  start: (socket: Socket, encryption: Encryption) => Promise<T>,
): Promise<T> {
  const answer = await askInClear(socket, encryption.call, REQUEST);
  // What stands behind the answer would be clear text that somebody slipped in before the encryption.
  if (ACCEPTED.test(answer.toString("hex")) && answer.length === lengthOf(answer)) return start(socket, encryption);
  socket.destroy();
  throw new PluginFailure("target.unexpected", "The server does not offer StartTLS.");
}

/** How long a message says it is, in BER. Bytes. */
function lengthOf(message: Buffer): number {
  const first = message[1] ?? 0;
  if (first < 0x80) return first + 2;
  const bytes = first & 0x7f;
  return message.readUIntBE(2, bytes) + 2 + bytes;
}
