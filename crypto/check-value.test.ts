import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type KeyRecord, openVault, type OpenVaultOptions } from "./check-value.ts";
import { makeKeyFile, parseKey, readKeyFile } from "./key-provider.ts";

let folder: string;
let keyFile: string;
let rows: KeyRecord[];
let turn: Promise<unknown>;

/** Serialises like the database's advisory lock; the real one is tested with the database. */
const exclusively: OpenVaultOptions["exclusively"] = (work) => {
  const mine = turn.then(() =>
    work({
      list: () => Promise.resolve([...rows]),
      add: (record) => Promise.resolve(void rows.push(record)),
    }),
  );
  turn = mine.catch(() => undefined);
  return mine;
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "keyturn-key-"));
  keyFile = join(folder, "made", "key");
  rows = [];
  turn = Promise.resolve();
});
afterEach(() => rm(folder, { recursive: true }));

const newKey = () => randomBytes(32).toString("base64");

describe("the first start", () => {
  it("makes a key file that only its owner reads, and says to back it up", async () => {
    const { vault, notice } = await openVault({ exclusively, keyFile });
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, "made"))).toEqual(["key"]);
    expect(notice).toContain("Back up this file");
    expect(notice).toContain(keyFile);
    expect(notice).not.toContain((await readFile(keyFile, "utf8")).trim());
    expect(rows.map(({ id }) => id)).toEqual([vault.keyId]);
  });

  it("gives the same key to processes that start together", async () => {
    const opened = await Promise.all([1, 2, 3].map(() => openVault({ exclusively, keyFile })));
    expect(new Set(opened.map(({ vault }) => vault.keyId)).size).toBe(1);
    expect(opened.filter(({ notice }) => notice)).toHaveLength(1);
    expect(rows).toHaveLength(1);
  });

  it("takes a file that is there, and a key from the environment", async () => {
    const made = await makeKeyFile(keyFile);
    expect((await openVault({ exclusively, keyFile })).vault.keyId).toBe(made.id);
    rows = [];
    const opened = await openVault({ exclusively, keyFile, key: newKey() });
    expect(opened.vault.keyId).not.toBe(made.id);
    expect(opened.notice).toBeUndefined();
    expect(rows[0]?.provider).toBe("environment");
  });
});

describe("a later start", () => {
  it("opens with the same key, from either source", async () => {
    const { vault } = await openVault({ exclusively, keyFile });
    expect((await openVault({ exclusively, keyFile })).vault.keyId).toBe(vault.keyId);
    const key = (await readFile(keyFile, "utf8")).trim();
    expect((await openVault({ exclusively, keyFile: join(folder, "none"), key })).vault.keyId).toBe(vault.keyId);
  });

  it("refuses when the file is gone, and makes none", async () => {
    await openVault({ exclusively, keyFile });
    await rm(keyFile);
    await expect(openVault({ exclusively, keyFile })).rejects.toThrow("Restore the file from its backup");
    expect(await readKeyFile(keyFile)).toBeUndefined();
  });

  it("refuses another key, and a check value that it cannot open", async () => {
    await openVault({ exclusively, keyFile });
    await expect(openVault({ exclusively, keyFile, key: newKey() })).rejects.toThrow("the database was sealed with");
    rows = rows.map((row) => ({ ...row, checkValue: Buffer.from(row.checkValue).fill(0, 40) }));
    await expect(openVault({ exclusively, keyFile })).rejects.toThrow("does not open with key");
  });
});

describe("key texts", () => {
  it.each(["", "short", randomBytes(31).toString("base64"), randomBytes(33).toString("base64"), `${newKey()}x`])(
    "refuses what is not 32 bytes in base64, without showing it (%#)",
    (text) => {
      expect(() => parseKey(text, "environment", "KEYTURN_KEY")).toThrow(
        /^KEYTURN_KEY must hold exactly 32 bytes in base64\.$/,
      );
    },
  );

  it("does not hide a file that cannot be used, and never replaces one", async () => {
    await writeFile(join(folder, "bad"), "nonsense");
    await expect(readKeyFile(join(folder, "bad"))).rejects.toThrow("must hold exactly 32 bytes");
    await expect(makeKeyFile(join(folder, "bad"))).rejects.toThrow("EEXIST");
    expect(await readFile(join(folder, "bad"), "utf8")).toBe("nonsense");
    expect(await readdir(folder)).toEqual(["bad"]);
  });
});
