import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { migrate as runMigrations } from "drizzle-orm/postgres-js/migrator";
import { openDatabase } from "./client.ts";

const FOLDER = fileURLToPath(new URL("./migrations", import.meta.url));
/** Any number nobody else takes: one migrator at a time. */
const LOCK = 7_204_190_001;

interface Journal {
  entries: { when: number }[];
}

/**
 * Brings the database to this version's schema. Safe to call from several processes at once, and repeatedly.
 * @throws Error when the database belongs to a newer Keyturn, or does not keep what it commits
 */
export async function migrate(url: string): Promise<void> {
  const { db, sql, close } = openDatabase(url, { connections: 1, name: "keyturn migrate" });
  try {
    const [durability] = await sql<{ fsync: string; commit: string }[]>`
      select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`;
    if (durability?.fsync !== "on" || durability.commit === "off")
      throw new Error(
        "PostgreSQL runs with fsync or synchronous_commit off: a committed password could be lost. Switch both on.",
      );
    await sql`select pg_advisory_lock(${LOCK})`;
    const journal = JSON.parse(await readFile(`${FOLDER}/meta/_journal.json`, "utf8")) as Journal;
    const newest = Math.max(...journal.entries.map((entry) => entry.when));
    const [table] = await sql<
      { name: string | null }[]
    >`select to_regclass('drizzle.__drizzle_migrations')::text as name`;
    if (table?.name) {
      const [applied] = await sql<
        { at: string | null }[]
      >`select max(created_at) as at from drizzle.__drizzle_migrations`;
      if (Number(applied?.at ?? 0) > newest)
        throw new Error(
          "This database was migrated by a newer Keyturn. Start that version, or restore a backup made before it.",
        );
    }
    await runMigrations(db, { migrationsFolder: FOLDER });
  } finally {
    await close();
  }
}
