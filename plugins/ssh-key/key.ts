import { generateKeyPairSync, randomBytes } from "node:crypto";
// A named import of it is not found by Node, which reads this CommonJS package without running it.
import ssh2 from "ssh2";
import { Secret } from "../../contracts/secret.ts";

/** The comment of every key that is made here, and the beginning of that on its line in `authorized_keys`. */
export const MARKER = "managed-by-keyturn";
const TYPE = "ssh-ed25519";
/** Block size of an unencrypted key. Bytes. */
const BLOCK = 8;
const LINE = 70;

/**
 * A new Ed25519 key in OpenSSH's format, without a passphrase: it is sealed where it is stored. Written here, because
 * one in two hundred that ssh2 makes cannot be read: it drops zero bytes at the beginning of the public key.
 * https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
 */
export function newKey(): Secret {
  const { x = "", d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return new Secret(writeKey(Buffer.from(x, "base64url"), Buffer.from(d, "base64url")));
}

/**
 * The public half of a private key as it stands in `authorized_keys`: its type and the key in base64.
 * @returns undefined when the secret is no private key, or needs a passphrase
 */
export function publicHalf(secret: Secret): string | undefined {
  const parsed = ssh2.utils.parseKey(secret.reveal());
  if (parsed instanceof Error || !parsed.isPrivateKey()) return undefined;
  return `${parsed.type} ${parsed.getPublicSSH().toString("base64")}`;
}

/** @param open the public key, 32 bytes; @param seed the private one, 32 bytes (RFC 8032) */
export function writeKey(open: Buffer, seed: Buffer): string {
  // Twice the same number: whoever decrypts a key sees by it that the passphrase was right.
  const check = randomBytes(4);
  const pair = [string(TYPE), string(open), string(Buffer.concat([seed, open])), string(MARKER)];
  const inner = Buffer.concat([check, check, ...pair]);
  const padding = Buffer.from(Array.from({ length: -inner.length & (BLOCK - 1) }, (_, index) => index + 1));
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    uint32(1),
    string(Buffer.concat([string(TYPE), string(open)])),
    string(Buffer.concat([inner, padding])),
  ]).toString("base64");
  const lines = body.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n");
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** RFC 4251, section 5. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
