/** The database of the list's bench: built once, kept between runs in `.keyturn/bench-list-ROWS`. */
import { randomBytes } from "node:crypto";
import { readFile, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { migrate } from "../db/migrate.ts";
import { type Instance, openInstance, STATE } from "../scripts/engine/instance.ts";
import { startPostgres } from "../scripts/engine/postgres.ts";
import { endOrphans } from "../scripts/engine/processes.ts";
import { DATABASE_SETTINGS } from "../scripts/supervisor/database.ts";
import { BYTES_PER_ROW, DATA_VERSION, fill } from "./list-data.ts";
import { endLater } from "./stack.ts";

export interface ListDatabase {
  readonly instance: Instance;
  readonly url: string;
}

export interface ListDatabaseOptions {
  readonly rows: number;
  say(text: string): void;
  readonly cleanup: AsyncDisposableStack;
}

/** As DATABASE_SETTINGS allow, and a little more. */
const WAL_BYTES = 4.5e9;

const gigabytes = (bytes: number) => Math.round(bytes / 1e8) / 10;

/**
 * Starts it as Keyturn starts its own, brings it to this version's schema, and fills it if need be.
 * @throws Error when the disk has no room for it
 */
export async function openListDatabase({ rows, say, cleanup }: ListDatabaseOptions): Promise<ListDatabase> {
  const instance = await openInstance(join(STATE, `bench-list-${rows}`));
  await endOrphans(instance.state);
  const mark = join(instance.state, "filled");
  const isFilled = (await readFile(mark, "utf8").catch(() => "")).trim() === String(DATA_VERSION);
  if (!isFilled) {
    await rm(join(instance.data, "postgres"), { recursive: true, force: true });
    await refuseFullDisk(instance, rows, say);
  }
  const password = await passwordOf(instance);
  const server = await endLater(
    cleanup,
    startPostgres({ name: "postgres", instance, password, settings: DATABASE_SETTINGS }),
    (started) => started.stop(),
  );
  const url = server.url();
  await migrate(url);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    if (!isFilled) {
      say(`Making ${rows.toLocaleString("en")} operations and their attempts`);
      await fill(sql, { rows, say });
      await writeFile(mark, `${DATA_VERSION}\n`);
    }
    // What an earlier run wrote, or a migration, must not be found half done.
    await sql`vacuum (analyze) operations`;
    await sql`vacuum (analyze) target_snapshots`;
  } finally {
    await sql.end();
  }
  return { instance, url };
}

async function refuseFullDisk({ data }: Instance, rows: number, say: (text: string) => void): Promise<void> {
  const needed = rows * BYTES_PER_ROW + WAL_BYTES;
  const { bavail, bsize } = await statfs(data);
  say(`This needs ${gigabytes(needed)} GB of disk in ${data}; ${gigabytes(bavail * bsize)} GB are free`);
  if (needed > bavail * bsize) throw new Error("There is too little room on the disk.");
}

async function passwordOf({ state }: Instance): Promise<string> {
  const file = join(state, "password");
  await writeFile(file, randomBytes(16).toString("hex"), { flag: "wx", mode: 0o600 }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    },
  );
  return (await readFile(file, "utf8")).trim();
}
