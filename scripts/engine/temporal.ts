import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { openInstance, type Instance } from "./instance.ts";
import { answers, freePort, until } from "./ports.ts";
import { ended, recordChild, stopChild } from "./processes.ts";
import { temporalCli, type Progress } from "./temporal-cli.ts";

export interface TemporalOptions {
  /** Name of the folder of its database file in the instance. A second start with it finds the workflows again. */
  name: string;
  instance?: Instance;
  port?: number;
  /** Port of the web UI; without it there is none. */
  uiPort?: number;
  /** The file is of no use after the run. */
  scratch?: boolean;
  /** Further settings of the server, `key=value`. */
  dynamicConfig?: readonly string[];
  progress?: Progress;
}

export interface TemporalServer {
  /** host:port */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  readonly child: ChildProcess;
  readonly log: string;
  stop(): Promise<void>;
  /** SIGKILL, as a crash would do. The file stays, also of a scratch server. */
  kill(): Promise<void>;
}

/** Write-ahead logging doubles the rate; "normal" survives any process death (reference: SQLite, PRAGMA synchronous). */
const PRAGMAS = ["journal_mode=wal", "synchronous=1"];

/** Priorities need the new matcher, and hold strictly only within one partition of a queue. */
const DYNAMIC = [
  "matching.useNewMatcher=true",
  "matching.numTaskqueueReadPartitions=1",
  "matching.numTaskqueueWritePartitions=1",
];

/**
 * Starts a Temporal dev server with a database file on 127.0.0.1 and waits until its port answers. Namespaces are
 * made by {@link ensureNamespace}.
 * @throws Error with the log's name when it does not come up
 */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const instance = options.instance ?? (await openInstance());
  const cli = await temporalCli(options.progress ?? (() => {}));
  const port = options.port ?? (await freePort());
  const folder = join(instance.state, options.name);
  await mkdir(folder, { recursive: true });
  const log = join(instance.state, "logs", `${options.name}.log`);
  const output = openSync(log, "a", 0o600);
  const child = spawn(cli, serverArguments(port, join(folder, "temporal.db"), options), {
    cwd: instance.state,
    env: serverEnvironment(),
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
    signal: "SIGTERM",
    ...(options.scratch ? { scratch: folder } : {}),
  });
  const stop = async () => {
    await stopChild(child, "SIGTERM");
    await forget();
    if (options.scratch) await rm(folder, { recursive: true, force: true });
  };
  await until(() => isUp(child, port), { what: `Temporal's start (see ${log})`, timeoutMs: 60_000 }).catch(
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  const kill = async () => {
    child.kill("SIGKILL");
    await ended(child);
    await forget();
  };
  return { address: `127.0.0.1:${port}`, port, pid: child.pid ?? 0, child, log, stop, kill };
}

function serverArguments(port: number, file: string, { uiPort, dynamicConfig = [] }: TemporalOptions): string[] {
  return [
    "server",
    "start-dev",
    "--ip=127.0.0.1",
    `--port=${port}`,
    `--db-filename=${file}`,
    ...(uiPort === undefined ? ["--headless"] : [`--ui-port=${uiPort}`]),
    ...PRAGMAS.map((pragma) => `--sqlite-pragma=${pragma}`),
    ...[...DYNAMIC, ...dynamicConfig].map((value) => `--dynamic-config-value=${value}`),
    "--log-level=warn",
    "--disable-config-file",
    "--disable-config-env",
  ];
}

/** Without the variables that would point the program at another server. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("TEMPORAL_")));
}

async function isUp(child: ChildProcess, port: number): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null)
    throw new Error("Temporal ended at its start; its log says why.");
  return answers(port);
}
