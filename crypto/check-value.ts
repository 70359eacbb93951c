import { Secret } from "../contracts/secret.ts";
import { createVault, type Vault } from "./envelope.ts";
import { makeKeyFile, parseKey, readKeyFile, type SealingKey } from "./key-provider.ts";

const CHECK_TEXT = "keyturn check value";

/** What the database keeps of a sealing key: a value that only this key can open. */
export interface KeyRecord {
  /** The key's id. */
  readonly id: string;
  readonly provider: SealingKey["provider"];
  readonly checkValue: Buffer;
}

/** The key records while nobody else looks at them. */
export interface KeyRecords {
  list(): Promise<readonly KeyRecord[]>;
  add(record: KeyRecord): Promise<void>;
}

export interface OpenVaultOptions {
  /** Runs the work alone among all processes on the database, and keeps what it added when it returns. */
  readonly exclusively: <T>(work: (records: KeyRecords) => Promise<T>) => Promise<T>;
  /** Base64 text of the key, from the environment. It wins over the file. */
  readonly key?: string | undefined;
  readonly keyFile: string;
}

/**
 * Opens the vault this database was sealed with. At the first start of all, when the database holds no key record,
 * it takes or makes the key and records it; api and worker may do so at once.
 * @returns the vault, and a sentence for the operator when a key file was made
 * @throws Error with a sentence for the operator when this process has not the database's key
 */
export function openVault(options: OpenVaultOptions): Promise<{ vault: Vault; notice?: string }> {
  return options.exclusively(async (records) => {
    const known = await records.list();
    const given = options.key
      ? parseKey(options.key, "environment", "KEYTURN_KEY")
      : await readKeyFile(options.keyFile);
    const first = known[0];
    if (!first) return begin(records, given, options.keyFile);
    if (!given)
      throw new Error(
        `The key file ${options.keyFile} is missing, and this database holds passwords sealed with key ${first.id}. ` +
          "Restore the file from its backup, or set KEYTURN_KEY.",
      );
    const vault = createVault(given);
    const record = known.find(({ id }) => id === given.id);
    if (!record)
      throw new Error(
        `This process has sealing key ${given.id}, but the database was sealed with ${first.id}. ` +
          "Give it the key file (KEYTURN_KEY_FILE) or KEYTURN_KEY of that database.",
      );
    try {
      vault.open(record.checkValue, binding(record.id));
    } catch (cause) {
      throw new Error(`The database's check value does not open with key ${given.id}: restore the database.`, {
        cause,
      });
    }
    return { vault };
  });
}

async function begin(records: KeyRecords, given: SealingKey | undefined, keyFile: string) {
  const key = given ?? (await makeKeyFile(keyFile));
  const vault = createVault(key);
  const checkValue = vault.seal(new Secret(CHECK_TEXT), binding(key.id));
  await records.add({ id: key.id, provider: key.provider, checkValue });
  if (given) return { vault };
  const notice = `Made the sealing key ${key.id} in ${keyFile}. Back up this file: without it no stored password can be read.`;
  return { vault, notice };
}

function binding(keyId: string) {
  return { versionId: keyId, credentialId: "check value", version: 0 };
}
