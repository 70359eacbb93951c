/** Processes that live in a mount namespace of their own: running commands there, ending them all. */
import { spawn, type ChildProcess } from "node:child_process";
import { readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in the namespace of a process and collects what it says. Never throws for its exit code. */
export async function runInNamespace(pid: number, command: readonly string[], input = ""): Promise<RunResult> {
  const child = spawn("nsenter", ["--target", String(pid), "--mount", "--", ...command], {
    stdio: "pipe",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  // A command that reads no input may end before it is written.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve(exit ?? -1));
  });
  return { code, stdout, stderr };
}

/** Ends the first process of a namespace and everything else in it. */
export async function killNamespace(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const own = await namespaceOf(child.pid);
  const members = own === undefined || own === (await namespaceOf(process.pid)) ? [child.pid] : await membersOf(own);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  for (const pid of members) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
  await ended;
}

async function membersOf(namespace: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const namespaces = await Promise.all(pids.map(namespaceOf));
  return pids.filter((_, index) => namespaces[index] === namespace);
}

async function namespaceOf(pid: number): Promise<string | undefined> {
  return readlink(`/proc/${pid}/ns/mnt`).catch(() => undefined);
}

/** Removes temporary folders with this prefix whose `owner` process is gone. */
export async function removeLeftovers(prefix: string): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const folder = join(tmpdir(), name);
    const owner = Number(await readFile(join(folder, "owner"), "utf8").catch(() => "0"));
    // 0: another process is just making it.
    if (owner > 0 && !isAlive(owner)) await rm(folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The first line of an error's message. */
export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
