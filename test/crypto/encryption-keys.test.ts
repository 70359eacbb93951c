import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openVault } from "../../crypto/check-value.ts";
import { openDatabase } from "../../db/client.ts";
import { withEncryptionKeys } from "../../db/queries/encryption-keys.ts";
import { freshDatabase } from "../helpers/database.ts";

it("processes that start together make one key and one record", async () => {
  const { url, drop } = await freshDatabase();
  const folder = await mkdtemp(join(tmpdir(), "keyturn-key-"));
  const databases = Array.from({ length: 4 }, () => openDatabase(url, { connections: 1 }));
  const inspector = openDatabase(url, { connections: 1 });
  const start = (database: (typeof databases)[number]) =>
    openVault({
      exclusively: (work) => withEncryptionKeys(database.db, work),
      keyFile: join(folder, "key"),
    });
  try {
    const opened = await Promise.all(databases.map(start));
    expect(new Set(opened.map(({ vault }) => vault.keyId)).size).toBe(1);
    expect(opened.filter(({ notice }) => notice)).toHaveLength(1);
    const rows = await inspector.sql`select id, provider from encryption_keys`;
    expect(rows).toEqual([{ id: opened[0]?.vault.keyId, provider: "file" }]);

    await rm(join(folder, "key"));
    await expect(Promise.all(databases.map(start))).rejects.toThrow("Restore the file from its backup");
  } finally {
    await Promise.all([...databases, inspector].map(({ close }) => close()));
    await drop();
    await rm(folder, { recursive: true });
  }
});
