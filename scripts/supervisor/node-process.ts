import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT, type Instance } from "../engine/instance.ts";
import { until } from "../engine/ports.ts";
import { recordChild, stopChild } from "../engine/processes.ts";
import type { Running } from "./service.ts";

export interface NodeProcess {
  name: string;
  instance: Instance;
  /** TypeScript file, from the checkout. */
  script: string;
  /** Added to this process's environment: what is secret never stands in argv. */
  environment: Readonly<Record<string, string>>;
  isReady: (pid: number) => Promise<boolean>;
  /** How long it may take to end after SIGTERM. */
  graceMs: number;
}

/**
 * Starts one of our own processes, its output in the log, and waits until it is ready.
 * @throws Error with the last lines of the log when it ends before
 */
export async function startNode(options: NodeProcess): Promise<Running> {
  const { name, instance, script, graceMs } = options;
  const log = join(instance.state, "logs", `${name}.log`);
  const from = await stat(log).then(
    ({ size }) => size,
    () => 0,
  );
  const output = openSync(log, "a", 0o600);
  const child = spawn(process.execPath, ["--import", "./scripts/fast-imports.mjs", script], {
    cwd: CHECKOUT,
    env: { ...process.env, ...options.environment },
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const forget = await recordChild(instance.state, child.pid ?? 0, { name, signal: "SIGTERM" });
  const stop = async () => {
    await stopChild(child, "SIGTERM", graceMs);
    await forget();
  };
  try {
    await until(() => readyOrDead(child, options), { what: `The start of ${name} (see ${log})`, timeoutMs: 60_000 });
  } catch (error) {
    await stop();
    if (!(error instanceof EndedEarly)) throw error;
    throw new Error(`${name} ended at its start:\n${await complaint(log, from)}\n(see ${log})`, { cause: error });
  }
  return { child, stop };
}

class EndedEarly extends Error {}

async function readyOrDead(child: ChildProcess, { isReady, name }: NodeProcess): Promise<boolean> {
  if (child.exitCode !== null || child.signalCode !== null) throw new EndedEarly(name);
  return isReady(child.pid ?? 0);
}

/** What the last lines of a log say: the error messages of JSON lines, other lines as they are. */
async function complaint(log: string, from: number): Promise<string> {
  const text = (await readFile(log)).subarray(from).toString("utf8").trim();
  return text.split("\n").slice(-5).map(messageIn).join("\n");
}

function messageIn(line: string): string {
  try {
    const entry = JSON.parse(line) as { msg?: string; err?: { message?: string } };
    return [entry.msg, entry.err?.message].filter(Boolean).join(": ") || line;
  } catch {
    return line;
  }
}
