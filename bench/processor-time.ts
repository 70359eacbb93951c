import { readFile, readdir } from "node:fs/promises";
import type { Keyturn, ProcessName } from "../scripts/supervisor/keyturn.ts";

const PROCESSES = ["api", "worker", "temporal", "database"] as const satisfies readonly ProcessName[];

/** Milliseconds of CPU per process of Keyturn. */
export type ProcessorTime = Readonly<Record<ProcessName, number>>;

/** USER_HZ, which Linux fixes at 100 for programs. */
const TICK_MS = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly own: number;
  /** Of children that have ended and were waited for. */
  readonly children: number;
}

async function statOf(pid: string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name, in brackets, may hold anything; fields are counted behind it (proc_pid_stat(5)).
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [, parent = 0] = fields;
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
  if (text === "") return undefined;
  return { pid: Number(pid), parent, own: (user + system) * TICK_MS, children: (childUser + childSystem) * TICK_MS };
}

/** CPU used so far; PostgreSQL's is mostly that of its children. Linux only. */
export async function processorTime(keyturn: Keyturn): Promise<ProcessorTime> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const stats = (await Promise.all(pids.map(statOf))).flatMap((stat) => stat ?? []);
  const entries = PROCESSES.map((name) => {
    const leader = keyturn.pid(name);
    const members = stats.filter((stat) => stat.pid === leader || stat.parent === leader);
    const time = members.reduce((sum, stat) => sum + stat.own + (stat.pid === leader ? stat.children : 0), 0);
    return [name, time] as const;
  });
  return Object.fromEntries(entries) as ProcessorTime;
}

/** Milliseconds of CPU per item between two looks. */
export function perItem(before: ProcessorTime, after: ProcessorTime, items: number): ProcessorTime {
  const entries = PROCESSES.map((name) => [name, (after[name] - before[name]) / items] as const);
  return Object.fromEntries(entries) as ProcessorTime;
}

/** One line for a person. */
export function describeProcessorTime(time: ProcessorTime): string {
  const total = PROCESSES.reduce((sum, name) => sum + time[name], 0);
  const parts = PROCESSES.map((name) => `${name} ${time[name].toFixed(1)}`);
  return `CPU ms per change: ${total.toFixed(1)} (${parts.join(", ")})`;
}
