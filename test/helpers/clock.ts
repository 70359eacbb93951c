import { sql } from "drizzle-orm";
import type { Estate } from "./estate.ts";

/** Puts the database's clock back, for connections made from here on: whoever makes one has a clock that is ahead. */
export async function putClockBack(estate: Estate, by: "6 seconds" | "30 hours"): Promise<void> {
  await estate.db.execute(sql`create schema behind`);
  for (const clock of ["now", "clock_timestamp"])
    await estate.db.execute(
      sql.raw(`create function behind.${clock}() returns timestamptz stable language sql
        return pg_catalog.${clock}() - interval '${by}'`),
    );
  const name = new URL(estate.surroundings.databaseUrl).pathname.slice(1);
  await estate.db.execute(sql.raw(`alter database ${name} set search_path = behind, public, pg_catalog`));
}
