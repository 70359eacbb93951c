/** A server of a test that runs in the foreground, out of a temporary folder of its own. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../engine/ports.ts";
import { removeLeftovers } from "./namespace.ts";

/** What a daemon said is kept so far, for the error when it does not come up. Characters. */
const SAID = 4000;
const START_MS = 120_000;

export interface Daemon {
  readonly pid: number;
  /** SIGKILL, as a crash would do. */
  kill(): Promise<void>;
}

export interface DaemonOptions {
  readonly command: readonly [string, ...string[]];
  /** Whether it can be used. */
  ready(): Promise<boolean>;
}

/** Makes a temporary folder; one whose process is gone is removed first. */
export async function makeFolder(prefix: string): Promise<string> {
  await removeLeftovers(prefix);
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await writeFile(join(folder, "owner"), String(process.pid));
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/**
 * Starts a daemon and waits until it is ready. It ends with the process that started it, even when that is killed.
 * @throws Error with what it said when it ends before
 */
export async function startDaemon({ command, ready }: DaemonOptions): Promise<Daemon> {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  let said = "";
  const hear = (chunk: Buffer) => (said = (said + chunk.toString()).slice(-SAID));
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  let ended = false;
  const end = new Promise<void>((resolve) => {
    const over = () => {
      ended = true;
      resolve();
    };
    child.once("exit", over).once("error", over);
  });
  const kill = async () => {
    child.kill("SIGKILL");
    await end;
  };
  const what = `The start of ${command[0]}`;
  const isUp = async () => {
    if (ended) throw new Error(`${what} failed: ${said}`);
    return ready();
  };
  await until(isUp, { what, timeoutMs: START_MS }).catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  return { pid: child.pid ?? 0, kill };
}
