import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);

/** Whether what PostgreSQL stores of a password (RFC 5803) was made from this one. */
export async function isVerifierOf(verifier: string, password: string): Promise<boolean> {
  const match = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):/.exec(verifier);
  if (!match) throw new Error("not a SCRAM verifier");
  const [, rounds = "", salt = "", stored = ""] = match;
  const salted = await derive(password, Buffer.from(salt, "base64"), Number(rounds), 32, "sha256");
  const clientKey = createHmac("sha256", salted).update("Client Key").digest();
  return timingSafeEqual(createHash("sha256").update(clientKey).digest(), Buffer.from(stored, "base64"));
}
