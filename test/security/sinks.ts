import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type postgres from "postgres";
import type { Found } from "./find-leaks.ts";

/** A place where a secret could end up, and all that stands there now. */
export interface Sink {
  readonly name: string;
  collect(): Promise<readonly Found[]>;
}

/** Texts of the files. @throws Error for a file that is missing or empty: then nothing would be proven */
export async function files(paths: readonly string[]): Promise<Found[]> {
  return Promise.all(
    paths.map(async (path) => {
      const text = await readFile(path, "latin1");
      if (text === "") throw new Error(`${path} is empty`);
      // Text that is not ASCII must be found too: bytes as they are, and what they mean.
      return { where: path, text: `${text}\n${Buffer.from(text, "latin1").toString()}` };
    }),
  );
}

/** Texts of all files of a folder that hold anything. */
export async function folder(path: string): Promise<Found[]> {
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const texts = await Promise.all(
    names.map(async (entry) => {
      const file = join(entry.parentPath, entry.name);
      return { where: file, text: await readFile(file, "latin1") };
    }),
  );
  return texts;
}

/**
 * Every row of every table as text: sealed columns too, as hex of their bytes.
 * @param sql connected to the database as superuser
 */
export async function databaseDump(sql: postgres.Sql): Promise<Found[]> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema', 'canary')`;
  const dumps = tables.map(async ({ schema, name }) => {
    const rows = await sql<{ row: string; json: string }[]>`
      select t::text as row, to_jsonb(t)::text as json from ${sql(schema)}.${sql(name)} t`;
    return { where: `table ${schema}.${name}`, text: rows.map(({ row, json }) => `${row}\n${json}`).join("\n") };
  });
  return Promise.all(dumps);
}
