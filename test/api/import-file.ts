/** Files of the import's tests, and what they leave in the database. */
import { sql } from "drizzle-orm";
import type { ImportReport } from "../../contracts/import.schema.ts";
import type { Database } from "../../db/client.ts";
import type { Answer, Ask } from "../helpers/api.ts";

type Cell = string | number | undefined;

/** RFC 4180: what holds a delimiter, a quote or a line break stands in quotes. */
function quoted(cell: Cell, delimiter: string): string {
  const text = String(cell ?? "");
  return /["\r\n]/.test(text) || text.includes(delimiter) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file with a column for each key of any row. */
export function csvOf(rows: readonly Readonly<Record<string, Cell>>[], delimiter = ",", end = "\r\n"): string {
  const headings = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [headings, ...rows.map((row) => headings.map((heading) => row[heading]))];
  return lines.map((cells) => cells.map((cell) => quoted(cell, delimiter)).join(delimiter) + end).join("");
}

/** Imports a file over the API. */
export function importFile(
  ask: Ask,
  body: string,
  dryRun = false,
): Promise<Answer<ImportReport & { code?: string; detail?: string }>> {
  return ask("POST", `/v1/import?dryRun=${dryRun}`, { body, headers: { "content-type": "text/csv" } });
}

/** Every row of the tables that an import may write, with when and how often it was written. */
export async function dump(db: Database): Promise<string> {
  const tables = ["devices", "device_revisions", "credentials", "secret_versions", "operations"];
  const rows = await Promise.all(
    tables.map((table) => db.execute(sql`select xmin::text, t.* from ${sql.identifier(table)} t order by t::text`)),
  );
  return JSON.stringify(rows, null, 1);
}
