import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
const LEAST_ITERATIONS = 4096;
const KEY_BYTES = 32;
const SALT_BYTES = 16;

/**
 * What PostgreSQL stores of a password, `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` (RFC 5803, RFC
 * 7677): sent instead of the password, so that no log or statement view of the server ever holds the clear text.
 * @param password printable ASCII: SASLprep (RFC 4013) leaves such text as it is, and it is not applied here
 * @param iterations the server's `scram_iterations`; never fewer than RFC 7677's 4,096
 */
export async function scramVerifier(password: string, iterations = LEAST_ITERATIONS): Promise<string> {
  const rounds = Math.max(iterations, LEAST_ITERATIONS);
  const salt = randomBytes(SALT_BYTES);
  const salted = await derive(password, salt, rounds, KEY_BYTES, "sha256");
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64");
  const serverKey = hmac("Server Key").toString("base64");
  return `SCRAM-SHA-256$${rounds}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}
