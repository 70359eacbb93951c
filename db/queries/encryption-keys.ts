import { asc, sql } from "drizzle-orm";
import type { Database } from "../client.ts";
import { encryptionKeys } from "../schema/index.ts";

/** Any number nobody else takes. */
const LOCK = 7_204_190_002;

type EncryptionKey = Omit<typeof encryptionKeys.$inferSelect, "createdAt">;

/** The key records, for one process at a time: `openVault` takes the bound form of this. */
export function withEncryptionKeys<T>(
  db: Database,
  work: (records: { list(): Promise<EncryptionKey[]>; add(record: EncryptionKey): Promise<void> }) => Promise<T>,
): Promise<T> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`);
    return work({
      list: () =>
        tx
          .select({ id: encryptionKeys.id, provider: encryptionKeys.provider, checkValue: encryptionKeys.checkValue })
          .from(encryptionKeys)
          .orderBy(asc(encryptionKeys.createdAt)),
      add: async (record) => {
        await tx.insert(encryptionKeys).values(record);
      },
    });
  });
}
