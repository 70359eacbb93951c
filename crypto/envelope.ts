import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";
import type { ErrorCode } from "../contracts/errors.ts";
import { Secret } from "../contracts/secret.ts";
import type { SealingKey } from "./key-provider.ts";

/**
 * Layout: format (1 byte) · key id (8) · wrapped data key (60) · sealed value. Both of the last are
 * nonce (12) · ciphertext · tag (16) of AES-256-GCM (NIST SP 800-38D).
 */
const FORMAT = 1;
const HEADER = 9;
const NONCE = 12;
const TAG = 16;
const DATA_KEY = 32;
const WRAPPED = NONCE + DATA_KEY + TAG;

/** The row a sealed value belongs to: it opens in no other place. */
export interface Binding {
  /** `secret_versions.id` */
  readonly versionId: string;
  readonly credentialId: string;
  /** `secret_versions.version` */
  readonly version: number;
}

/** Seals secrets for the database and opens them again. */
export interface Vault {
  readonly keyId: string;
  seal(secret: Secret, binding: Binding): Buffer;
  /** @throws SecretUnreadable for another key, another row, or changed bytes */
  open(sealed: Buffer, binding: Binding): Secret;
}

/** A sealed value that this process cannot open. */
export class SecretUnreadable extends Error {
  override readonly name = "SecretUnreadable";
  readonly code: ErrorCode = "secret.unreadable";
}

function encrypt(key: KeyObject | Buffer, clear: Buffer, context: Buffer): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(context);
  return Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: KeyObject | Buffer, sealed: Buffer, context: Buffer): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE), { authTagLength: TAG });
  decipher.setAAD(context).setAuthTag(sealed.subarray(-TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
}

/** What both ciphers authenticate beside their text; the part keeps a wrapped key from passing for a value. */
function context(header: Buffer, part: "data key" | "value", { versionId, credentialId, version }: Binding): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify([part, versionId, credentialId, version]))]);
}

/**
 * A vault on one key. Each value gets a random data key of its own, so the sealing key encrypts only random bytes
 * and can be replaced without opening a value.
 */
export function createVault({ id, key }: SealingKey): Vault {
  const header = Buffer.concat([Buffer.of(FORMAT), Buffer.from(id, "hex")]);

  function seal(secret: Secret, binding: Binding): Buffer {
    const dataKey = randomBytes(DATA_KEY);
    const clear = Buffer.from(secret.reveal(), "utf8");
    const wrapped = encrypt(key, dataKey, context(header, "data key", binding));
    const value = encrypt(dataKey, clear, context(header, "value", binding));
    dataKey.fill(0);
    clear.fill(0);
    return Buffer.concat([header, wrapped, value]);
  }

  function open(sealed: Buffer, binding: Binding): Secret {
    if (sealed.length < HEADER + WRAPPED + NONCE + TAG || sealed[0] !== FORMAT)
      throw new SecretUnreadable("The sealed value has no known format.");
    const sealedWith = sealed.subarray(1, HEADER).toString("hex");
    if (sealedWith !== id)
      throw new SecretUnreadable(`The value is sealed with key ${sealedWith}; this process has key ${id}.`);
    try {
      const wrapped = sealed.subarray(HEADER, HEADER + WRAPPED);
      const dataKey = decrypt(key, wrapped, context(header, "data key", binding));
      const clear = decrypt(dataKey, sealed.subarray(HEADER + WRAPPED), context(header, "value", binding));
      const secret = new Secret(clear.toString("utf8"));
      dataKey.fill(0);
      clear.fill(0);
      return secret;
    } catch {
      throw new SecretUnreadable("The sealed value was changed, or it belongs to another row.");
    }
  }

  return { keyId: id, seal, open };
}
