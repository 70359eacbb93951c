import { execFile, type ChildProcess } from "node:child_process";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A process, told apart from a later one that got the same number. */
interface Identity {
  pid: number;
  started: string;
}

/** What is written down about a child, so that it is found when its starter died without ending it. */
interface ChildRecord {
  owner: Identity;
  child: Identity;
  signal: NodeJS.Signals;
  scratch?: string;
}

/** When a process started, as its system tells it; undefined when there is none. A zombie is none. */
export async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const ps = await run("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => undefined);
    return ps?.stdout.trim() || undefined;
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** This process, for a record. */
export async function identify(pid: number = process.pid): Promise<Identity> {
  return { pid, started: (await startOf(pid)) ?? "" };
}

export async function isAlive(identity: Identity): Promise<boolean> {
  return (await startOf(identity.pid)) === identity.started;
}

/**
 * Writes a child down in `state`/run.
 * @param options.signal what ends it in an orderly way
 * @param options.scratch folder that is of no use after its end
 * @returns takes the record away again
 */
export async function recordChild(
  state: string,
  pid: number,
  options: { name: string; signal: NodeJS.Signals; scratch?: string },
): Promise<() => Promise<void>> {
  const { name, ...rest } = options;
  const folder = join(state, "run");
  const file = join(folder, `${name}-${pid}.json`);
  const record: ChildRecord = { owner: await identify(), child: await identify(pid), ...rest };
  await mkdir(folder, { recursive: true });
  await writeFile(file, JSON.stringify(record));
  return () => rm(file, { force: true });
}

/** Ends every recorded child whose starter is no more, and removes its scratch folder. Returns how many it ended. */
export async function endOrphans(state: string): Promise<number> {
  return endRecorded(state, async ({ owner }) => !(await isAlive(owner)));
}

/** Ends every recorded child of this process: for an end in the middle of things. */
export async function endOwnChildren(state: string): Promise<number> {
  return endRecorded(state, async ({ owner }) => owner.pid === process.pid);
}

async function endRecorded(state: string, isMeant: (record: ChildRecord) => Promise<boolean>): Promise<number> {
  const folder = join(state, "run");
  const names = await readdir(folder).catch(() => []);
  const counts = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      const record = (await readFile(file, "utf8")
        .then(JSON.parse)
        .catch(() => undefined)) as ChildRecord | undefined;
      if (!record?.child || !(await isMeant(record))) return 0;
      const lived = await isAlive(record.child);
      if (lived) await end(record.child, record.signal);
      if (record.scratch) await rm(record.scratch, { recursive: true, force: true });
      await rm(file, { force: true });
      return lived ? 1 : 0;
    }),
  );
  return counts.reduce<number>((sum, one) => sum + one, 0);
}

async function end(child: Identity, signal: NodeJS.Signals): Promise<void> {
  send(child.pid, signal);
  for (let waited = 0; waited < 10_000; waited += 50) {
    if (!(await isAlive(child))) return;
    await sleep(50);
  }
  if (await isAlive(child)) send(child.pid, "SIGKILL");
}

/** Sends a signal; one that ended since it was looked at needs none. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Resolves when a child has ended; at once when it already has. */
export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Ends a child in order; with SIGKILL when it takes longer than `graceMs`. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals, graceMs = 15_000): Promise<void> {
  const gone = ended(child);
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await gone;
  clearTimeout(timer);
}
