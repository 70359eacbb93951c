import { createHash, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, unlink } from "node:fs/promises";
import { dirname } from "node:path";

const KEY_BYTES = 32;

/** A key-encryption key, with the name that is safe to show. */
export interface SealingKey {
  /** First 16 hex digits of a SHA-256 over the key. */
  readonly id: string;
  readonly provider: "file" | "environment";
  readonly key: KeyObject;
}

/**
 * Reads the key from text: 32 bytes in base64, as `KEYTURN_KEY` and the key file hold it.
 * @param source named in the error, which never shows the text
 * @throws Error when the text is anything else
 */
export function parseKey(text: string, provider: SealingKey["provider"], source: string): SealingKey {
  const trimmed = text.trim();
  const bytes = Buffer.from(trimmed, "base64");
  if (bytes.length !== KEY_BYTES || bytes.toString("base64") !== trimmed)
    throw new Error(`${source} must hold exactly ${KEY_BYTES} bytes in base64.`);
  const id = createHash("sha256").update("keyturn sealing key\0").update(bytes).digest("hex").slice(0, 16);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return { id, provider, key };
}

/**
 * Reads the key file.
 * @returns undefined when there is no such file
 * @throws Error when it cannot be read or holds no key
 */
export async function readKeyFile(path: string): Promise<SealingKey | undefined> {
  try {
    return parseKey(await readFile(path, "utf8"), "file", `The key file ${path}`);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Makes a key file with mode 0600 that is whole and on disk when this returns. It never replaces a file: what is
 * sealed with a lost key is lost.
 * @throws Error when the path is taken or cannot be written
 */
export async function makeKeyFile(path: string): Promise<SealingKey> {
  const text = `${randomBytes(KEY_BYTES).toString("base64")}\n`;
  const draft = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await file.close();
    // A hard link fails where a rename would overwrite.
    await link(draft, path);
  } finally {
    await file.close();
    await unlink(draft);
  }
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
  return parseKey(text, "file", `The key file ${path}`);
}
