import { randomUUID } from "node:crypto";
import { spawn, type ChildProcess } from "node:child_process";
import { openSync, closeSync } from "node:fs";
import { chmod, chown, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { openInstance, type Instance } from "./instance.ts";
import { answers, freePort, until } from "./ports.ts";
import { postgresBinaries } from "./postgres-binaries.ts";
import { ended, recordChild, stopChild } from "./processes.ts";

export interface PostgresOptions {
  /** Name of its data folder in the instance. A second start with it finds the data again. */
  name: string;
  instance?: Instance;
  /** Of the superuser; set when the data folder is made, needed again at each start to see that it answers. */
  password: string;
  superuser?: string;
  port?: number;
  /** Whole lines of pg_hba.conf instead of "everybody by SCRAM". The superuser must be able to log in by 127.0.0.1. */
  hba?: readonly string[];
  /** PEM; the server then takes TLS connections. */
  tls?: { key: string; cert: string };
  /** Further settings of postgresql.conf. */
  settings?: Readonly<Record<string, string | number>>;
  /** The data is of no use after the run: removed by `stop`, or by a later start when this one is killed. */
  scratch?: boolean;
}

export interface PostgresServer {
  readonly port: number;
  readonly pid: number;
  readonly child: ChildProcess;
  /** Data folder. */
  readonly folder: string;
  /** Log file. */
  readonly log: string;
  /** With user and password: for libraries and the environment, never for argv. */
  url(database?: string): string;
  /** Fast shutdown: clients are disconnected, all is written. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster, as a crash would do. The data stays, also of a scratch server. */
  kill(): Promise<void>;
}

const SCRAM_ONLY = ["host all all 127.0.0.1/32 scram-sha-256", "host all all ::1/128 scram-sha-256"];

/**
 * Starts an embedded PostgreSQL 18 on 127.0.0.1 and waits until its superuser has logged in. Everything committed is
 * on disk (fsync on).
 * @throws Error with the log's name when it does not come up
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const instance = options.instance ?? (await openInstance());
  const binaries = await postgresBinaries(instance);
  const folder = join(instance.data, options.name);
  const log = join(instance.state, "logs", `${options.name}.log`);
  const isNew = !(await stat(join(folder, "PG_VERSION")).catch(() => undefined));
  if (isNew) await initialise({ binaries, folder, instance, options });
  await configure(folder, instance, options);
  const port = options.port ?? (await freePort());
  const url = (database = "postgres") =>
    `postgresql://${options.superuser ?? "postgres"}:${encodeURIComponent(options.password)}@127.0.0.1:${port}/${database}`;
  const { child, forget } = await launchPatiently({ binaries, folder, log, port, instance, options });
  const discard = async () => {
    await forget();
    if (options.scratch) await rm(folder, { recursive: true, force: true });
  };
  return {
    port,
    pid: child.pid ?? 0,
    child,
    folder,
    log,
    url,
    stop: async () => {
      await stopChild(child, "SIGINT");
      await discard();
    },
    kill: async () => {
      child.kill("SIGKILL");
      await ended(child);
      await forget();
    },
  };
}

interface Placed {
  binaries: string;
  folder: string;
  instance: Instance;
  options: PostgresOptions;
}

async function initialise({ binaries, folder, instance, options }: Placed) {
  const pwfile = join(instance.data, `.pw-${randomUUID()}`);
  await rm(folder, { recursive: true, force: true });
  try {
    await writeFile(pwfile, `${options.password}\n`, { mode: 0o600 });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (instance.user) {
      await chown(pwfile, instance.user.uid, instance.user.gid);
      await chown(folder, instance.user.uid, instance.user.gid);
    }
    const given = ["-D", folder, "-U", options.superuser ?? "postgres", "--pwfile", pwfile, "-A", "scram-sha-256"];
    const locale = ["-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
    const child = spawn(join(binaries, "bin/initdb"), [...given, ...locale, "--no-instructions"], {
      ...instance.user,
      cwd: folder,
      env: engineEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    await new Promise((resolve) => child.once("close", resolve));
    if (child.exitCode !== 0) throw new Error(`PostgreSQL could not make its data folder ${folder}: ${complaint}`);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(pwfile, { force: true });
  }
}

/** Written at each start, so that options are what they are now and not what they were at the first one. */
async function configure(folder: string, instance: Instance, options: PostgresOptions) {
  const settings: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    password_encryption: "scram-sha-256",
    fsync: "on",
    ...(options.tls ? { ssl: "on", ssl_cert_file: "server.crt", ssl_key_file: "server.key" } : {}),
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`);
  await own("postgresql.auto.conf", `${lines.join("\n")}\n`);
  await own("pg_hba.conf", `${(options.hba ?? SCRAM_ONLY).join("\n")}\n`);
  if (options.tls) {
    await own("server.crt", options.tls.cert);
    await own("server.key", options.tls.key);
  }

  async function own(name: string, text: string) {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    await chmod(file, 0o600);
    if (instance.user) await chown(file, instance.user.uid, instance.user.gid);
  }
}

interface Launch extends Placed {
  log: string;
  port: number;
}

/** After a kill, a backend that is still busy keeps the shared memory for a moment, and the new server gives up. */
async function launchPatiently(launching: Launch) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch(launching);
    } catch (error) {
      if (!(error instanceof EndedAtStart) || attempt === 5) throw error;
      await sleep(attempt * 300);
    }
  }
}

class EndedAtStart extends Error {}

async function launch({ binaries, folder, log, port, instance, options }: Launch) {
  const output = openSync(log, "a", 0o600);
  const child = spawn(join(binaries, "bin/postgres"), ["-D", folder, "-p", String(port)], {
    ...instance.user,
    cwd: folder,
    env: engineEnvironment(),
    // A group of its own: Ctrl-C in the terminal reaches only the starter, which then ends all in order.
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const forget = await recordChild(instance.state, child.pid ?? 0, {
    name: options.name,
    signal: "SIGINT",
    ...(options.scratch ? { scratch: folder } : {}),
  });
  try {
    await until(() => logsIn(child, port, options), { what: `PostgreSQL's start (see ${log})`, timeoutMs: 60_000 });
  } catch (error) {
    await stopChild(child, "SIGINT");
    await forget();
    throw error;
  }
  return { child, forget };
}

async function logsIn(child: ChildProcess, port: number, options: PostgresOptions): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null)
    throw new EndedAtStart("PostgreSQL ended at its start; its log says why.");
  if (!(await answers(port))) return false;
  const sql = postgres({
    host: "127.0.0.1",
    port,
    user: options.superuser ?? "postgres",
    password: options.password,
    database: "postgres",
    ssl: options.tls ? { rejectUnauthorized: false } : false,
    max: 1,
    connect_timeout: 5,
    onnotice: () => {},
  });
  try {
    await sql`select 1`;
    return true;
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    // 57P03: still starting up. Only an answer that will not change ends the wait.
    if (code.startsWith("28"))
      throw new Error("PostgreSQL refuses the password this data folder was made with.", { cause: error });
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function engineEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], TZ: "UTC", LC_ALL: "C" };
}
