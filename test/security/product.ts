import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { openVault } from "../../crypto/check-value.ts";
import { CHECKOUT } from "../../scripts/engine/instance.ts";
import { freePort, until } from "../../scripts/engine/ports.ts";
import { ended } from "../../scripts/engine/processes.ts";
import type { Canary } from "./find-leaks.ts";

/** A Keyturn as `npm start` starts it, whose database logs every statement with its parameters. */
export interface Product {
  /** Of the API. */
  readonly url: string;
  /** host:port */
  readonly temporalAddress: string;
  /** Folder with its logs and Temporal's files. */
  readonly state: string;
  /** Its own database, as superuser. */
  readonly sql: postgres.Sql;
  /** Of the first administrator. */
  readonly token: string;
  /** Every password that was ever sealed, also those whose sealed value is gone by now. */
  passwords(): Promise<Canary[]>;
  /** What else is secret: sealing key, first token, passwords of the database. */
  readonly keys: readonly Canary[];
  stop(): Promise<void>;
}

const LOG_EVERYTHING = [
  "alter system set log_statement = 'all'",
  "alter system set log_min_error_statement = 'debug5'",
  "alter system set log_parameter_max_length_on_error = -1",
  "alter system set log_error_verbosity = 'verbose'",
  "select pg_reload_conf()",
];

/** A candidate that was never sent loses its sealed value when its change ends; this keeps a copy. */
const KEEP_SEALED = `
  create schema canary;
  create table canary.kept (version_id uuid, credential_id uuid, version int, sealed bytea);
  create function canary.keep() returns trigger language plpgsql security definer as $$
    begin
      insert into canary.kept values (new.id, new.credential_id, new.version, new.sealed);
      return new;
    end $$;
  create trigger keep after insert on public.secret_versions for each row execute function canary.keep()`;

/** Starts it in a folder of its own. */
export async function startProduct(): Promise<Product> {
  const state = await mkdtemp(join(tmpdir(), "keyturn-canary-"));
  const [port, database, temporal, ui] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const ports = { port, "database-port": database, "temporal-port": temporal, "temporal-ui-port": ui };
  const stopProcess = await startProcess(state, ports);
  const read = async (file: string) => (await readFile(join(state, file), "utf8")).trim();
  const stop = async () => {
    await stopProcess();
    const data = await read("instance-id").catch(() => undefined);
    if (data) await rm(join("/var/lib/keyturn", data), { recursive: true, force: true });
    await rm(state, { recursive: true, force: true });
  };
  try {
    const passwords = JSON.parse(await read("database-passwords.json")) as { superuser: string; keyturn: string };
    const sql = postgres(`postgresql://postgres:${passwords.superuser}@127.0.0.1:${database}/keyturn`, {
      max: 2,
      onnotice: () => {},
    });
    await sql.unsafe(KEEP_SEALED);
    for (const statement of LOG_EVERYTHING) await sql.unsafe(statement);
    const token = await read("admin-token");
    return {
      url: `http://127.0.0.1:${port}`,
      temporalAddress: `127.0.0.1:${temporal}`,
      state,
      sql,
      token,
      passwords: () => openAll(sql, join(state, "key")),
      keys: [
        { name: "the sealing key", value: await read("key") },
        { name: "the first token", value: token },
        { name: "the database's password", value: passwords.keyturn },
        { name: "the database superuser's password", value: passwords.superuser },
      ],
      stop: async () => {
        await sql.end();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts it with what it prints in a log of its own, and waits until it is ready; returns how to stop it. */
async function startProcess(state: string, ports: object): Promise<() => Promise<void>> {
  const log = join(state, "logs", "terminal.log");
  await mkdir(join(state, "logs"), { recursive: true });
  const output = openSync(log, "a", 0o600);
  const { DATABASE_URL: _, TEMPORAL_ADDRESS: __, ...environment } = process.env;
  const script = "test/helpers/keyturn-process.ts";
  const child = spawn(
    process.execPath,
    ["--import", "./scripts/fast-imports.mjs", script, state, JSON.stringify(ports)],
    { cwd: CHECKOUT, env: environment, stdio: ["ignore", output, output] },
  );
  closeSync(output);
  const isReady = async () => {
    const text = await readFile(log, "utf8");
    if (child.exitCode !== null) throw new Error(`Keyturn did not start:\n${text}`);
    return text.includes("Ready");
  };
  const stop = async () => {
    if (child.exitCode === null) child.kill("SIGTERM");
    await ended(child);
  };
  await until(isReady, { what: "Keyturn's start", timeoutMs: 120_000 }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return stop;
}

async function openAll(sql: postgres.Sql, keyFile: string): Promise<Canary[]> {
  const records = {
    list: () =>
      sql<{ id: string; provider: "file"; checkValue: Buffer }[]>`
        select id, provider, check_value as "checkValue" from encryption_keys`,
    add: () => Promise.reject(new Error("the database has its key already")),
  };
  const { vault } = await openVault({ exclusively: (work) => work(records), keyFile });
  const rows = await sql<{ versionId: string; credentialId: string; version: number; sealed: Buffer; name: string }[]>`
    select version_id as "versionId", credential_id as "credentialId", version, sealed,
      username || ' version ' || version as name
    from canary.kept join credentials on credentials.id = credential_id`;
  return rows.map(({ sealed, name, ...binding }) => ({ name, value: vault.open(sealed, binding).reveal() }));
}
