import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHECKOUT } from "../../scripts/engine/instance.ts";
import { freePort, until } from "../../scripts/engine/ports.ts";
import { ended, startOf } from "../../scripts/engine/processes.ts";
import type { Ports } from "../../scripts/supervisor/settings.ts";

/** A started Keyturn and all it has said. */
interface Started {
  child: ChildProcess;
  output: () => string;
}

let state: string;
let ports: Ports;
const all: ChildProcess[] = [];

function start(given: Ports = ports): Started {
  const script = join(CHECKOUT, "test/helpers/keyturn-process.ts");
  const { DATABASE_URL: _, TEMPORAL_ADDRESS: __, ...environment } = process.env;
  const child = spawn(
    process.execPath,
    ["--import", "./scripts/fast-imports.mjs", script, state, JSON.stringify(given)],
    {
      cwd: CHECKOUT,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  all.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return { child, output: () => output };
}

async function says({ child, output }: Started, what: string): Promise<void> {
  await until(
    async () => {
      if (output().includes(what)) return true;
      if (child.exitCode !== null) throw new Error(`It ended without saying "${what}":\n${output()}`);
      return false;
    },
    { what: `"${what}"`, timeoutMs: 120_000 },
  );
}

/** Process ids by name, of the processes the supervisor has written down and that live. */
async function processes(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const file of await readdir(join(state, "run"))) {
    const [, name, pid] = /^(\w+)-(\d+)\.json$/.exec(file) ?? [];
    if (name && (await startOf(Number(pid)))) found[name] = Number(pid);
  }
  return found;
}

async function nobodyLives(pids: Record<string, number>): Promise<boolean> {
  return (await Promise.all(Object.values(pids).map(startOf))).every((alive) => alive === undefined);
}

const answersOnApi = () =>
  fetch(`http://127.0.0.1:${ports.port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), "keyturn-start-"));
  const [port, database, temporal, ui] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  ports = { port, "database-port": database, "temporal-port": temporal, "temporal-ui-port": ui };
});

afterAll(async () => {
  for (const child of all) if (child.exitCode === null) child.kill("SIGTERM");
  await Promise.all(all.map(ended));
  const id = await readFile(join(state, "instance-id"), "utf8").catch(() => undefined);
  if (id) await rm(join("/var/lib/keyturn", id.trim()), { recursive: true, force: true });
  await rm(state, { recursive: true, force: true });
});

describe("npm start", () => {
  test("says in one sentence which port is taken, and leaves nothing running", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const started = start({ ...ports, "temporal-port": port });
    await ended(started.child);
    taken.close();
    expect(started.child.exitCode).toBe(1);
    expect(started.output().trim()).toBe(
      `Port ${port} for Temporal is taken by another program: set --temporal-port or KEYTURN_TEMPORAL_PORT to a free one.`,
    );
    expect(await processes()).toEqual({});
  });

  test("heals every process, refuses a second start, ends what a killed start left, and stops all", async () => {
    const first = start();
    await says(first, "Ready");
    // Said right after it, perhaps in another piece.
    await says(first, `http://127.0.0.1:${ports.port}/docs`);
    expect(await answersOnApi()).toBe(true);
    expect((await fetch(`http://127.0.0.1:${ports["temporal-ui-port"]}`)).ok).toBe(true);

    const second = start();
    await ended(second.child);
    expect(second.child.exitCode).toBe(1);
    expect(second.output()).toContain(`Keyturn already runs in this folder (process ${first.child.pid})`);

    const before = await processes();
    expect(Object.keys(before).toSorted()).toEqual(["api", "database", "temporal", "worker"]);
    for (const [name, pid] of Object.entries(before)) {
      process.kill(pid, "SIGKILL");
      await says(first, `${name} runs again`);
    }
    await until(answersOnApi, { what: "The API's answer", timeoutMs: 120_000 });
    const healed = await processes();
    expect(Object.keys(healed).toSorted()).toEqual(["api", "database", "temporal", "worker"]);

    first.child.kill("SIGKILL");
    await ended(first.child);
    const third = start();
    await says(third, "Ready");
    expect(third.output()).toContain("Ended 4 processes");
    expect(await nobodyLives(healed)).toBe(true);

    const last = await processes();
    third.child.kill("SIGTERM");
    await ended(third.child);
    expect(third.child.exitCode).toBe(0);
    expect(third.output()).toContain("Stopped");
    expect(await nobodyLives(last)).toBe(true);
    expect(await readdir(join(state, "run"))).toEqual([]);
  });

  test("stops in the middle of its start", async () => {
    const started = start();
    await says(started, "Starting worker and API");
    const pids = await processes();
    started.child.kill("SIGTERM");
    await ended(started.child);
    expect(started.child.exitCode, started.output()).toBe(130);
    expect(started.output()).not.toContain("Ready");
    expect(Object.keys(pids).length).toBeGreaterThanOrEqual(2);
    expect(await nobodyLives(pids)).toBe(true);
    expect(await readdir(join(state, "run"))).toEqual([]);
  });

  test("keeps its secrets out of arguments and open files", async () => {
    const started = start();
    await says(started, "Ready");
    const passwords = JSON.parse(await readFile(join(state, "database-passwords.json"), "utf8")) as Record<
      string,
      string
    >;
    const token = (await readFile(join(state, "admin-token"), "utf8")).trim();
    const secrets = [...Object.values(passwords), token];
    for (const pid of [...Object.values(await processes()), started.child.pid]) {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8");
      expect(commandLine).not.toBe("");
      for (const secret of secrets) expect(commandLine).not.toContain(secret);
    }
    for (const name of await readdir(join(state, "logs"))) {
      const log = await readFile(join(state, "logs", name), "utf8");
      for (const secret of secrets) expect(log, name).not.toContain(secret);
    }
    started.child.kill("SIGINT");
    await ended(started.child);
    expect(started.child.exitCode).toBe(0);
  });
});
