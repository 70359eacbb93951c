import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Database } from "../db/client.ts";
import { bootstrapToken, makeTokenValue } from "../db/queries/tokens.ts";

export interface BootstrapOptions {
  /** Token that the operator chose; used only when no administrator exists. */
  readonly given?: string | undefined;
  /** Where a made token is kept, mode 0600. */
  readonly file: string;
}

/**
 * Sees to it that somebody can administer.
 * @returns a sentence to print once when a token was made here
 * @throws Error when the given token is too short to be safe
 */
export async function ensureAdministrator(db: Database, options: BootstrapOptions): Promise<string | undefined> {
  const { given, file } = options;
  if (given !== undefined && !/^kt_[A-Za-z0-9_-]{20,200}$/.test(given))
    throw new Error("KEYTURN_BOOTSTRAP_TOKEN must be kt_ and 20 to 200 letters, digits, hyphens or underscores.");
  let notice: string | undefined;
  await bootstrapToken(db, async () => {
    if (given !== undefined) return given;
    const value = makeTokenValue();
    // The file first: a token that is stored but that nobody can read would lock everybody out.
    await keep(file, value);
    notice = `First administrator's token, also kept in ${file}: ${value}`;
    return value;
  });
  return notice;
}

async function keep(file: string, value: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${value}\n`, { mode: 0o600, flag: "wx" });
  await rename(draft, file);
}
