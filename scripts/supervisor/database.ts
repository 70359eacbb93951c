import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import type { Instance } from "../engine/instance.ts";
import { startPostgres, type PostgresServer } from "../engine/postgres.ts";

const NAME = "keyturn";

/**
 * Beyond PostgreSQL's own, which are for machines of long ago: the indexes that the operations list walks stay in
 * memory, and what it looks through is not written to disk in between.
 */
export const DATABASE_SETTINGS = {
  shared_buffers: "512MB",
  effective_cache_size: "4GB",
  work_mem: "16MB",
  max_wal_size: "4GB",
};

interface Passwords {
  superuser: string;
  keyturn: string;
}

/** Starts Keyturn's own database; at first makes it and the role that owns it, which is no superuser. */
export async function startDatabase(instance: Instance, port: number): Promise<PostgresServer> {
  const { superuser } = await passwordsOf(instance);
  return startPostgres({ name: "database", instance, password: superuser, port, settings: DATABASE_SETTINGS });
}

/** Address of the database for our processes, with the role they use. */
export async function databaseUrl(instance: Instance, port: number): Promise<string> {
  const { keyturn } = await passwordsOf(instance);
  return `postgresql://${NAME}:${keyturn}@127.0.0.1:${port}/${NAME}`;
}

/** Makes role and database where they are missing. */
export async function prepareDatabase(instance: Instance, server: PostgresServer): Promise<void> {
  const { keyturn } = await passwordsOf(instance);
  const sql = postgres(server.url(), { max: 1 });
  try {
    const [role] = await sql`select 1 from pg_roles where rolname = ${NAME}`;
    if (!role) await sql.unsafe(`create role ${NAME} login password '${keyturn}'`);
    const [database] = await sql`select 1 from pg_database where datname = ${NAME}`;
    if (!database) await sql.unsafe(`create database ${NAME} owner ${NAME}`);
  } finally {
    await sql.end();
  }
}

/** Kept beside the key, in a file only its owner reads. Hexadecimal, so that they fit into a URL and a statement. */
async function passwordsOf(instance: Instance): Promise<Passwords> {
  const file = join(instance.state, "database-passwords.json");
  const made = { superuser: randomBytes(24).toString("hex"), keyturn: randomBytes(24).toString("hex") };
  await writeFile(file, JSON.stringify(made), { flag: "wx", mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return JSON.parse(await readFile(file, "utf8"));
}
