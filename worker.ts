/** The worker process: carries out the changes of its sites, and starts what was requested. */
import { createServer } from "node:http";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { Client, ScheduleAlreadyRunning, type ScheduleOptions } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkerOptions } from "@temporalio/worker";
import { pino } from "pino";
import { collectDefaultMetrics, Counter, Registry } from "prom-client";
import { cachedSettings } from "./activities/cached-settings.ts";
import type { ActivityDeps } from "./activities/deps.ts";
import { createMainActivities, createProbeActivities, createSiteActivities } from "./activities/index.ts";
import { inLanes } from "./contracts/lanes.ts";
import { SessionPool } from "./activities/sessions.ts";
import { Starter } from "./activities/starter.ts";
import { wakeOperation } from "./activities/starts.ts";
import { type Config, readConfig } from "./config/env.ts";
import { LONGEST_CHANGE_MS } from "./contracts/change-limit.ts";
import {
  DRIFT_SCHEDULE,
  MAIN_QUEUE,
  POLICY_SCHEDULE,
  probeQueue,
  REPAIR_SCHEDULE,
  siteQueue,
} from "./contracts/ids.ts";
import { type RepairResult, WORKFLOWS } from "./contracts/messages.ts";
import { openVault } from "./crypto/check-value.ts";
import { openDatabase } from "./db/client.ts";
import { withEncryptionKeys } from "./db/queries/encryption-keys.ts";
import { STARTED_CHANNEL } from "./db/queries/starter.ts";
import { findPlugin } from "./plugins/registry.ts";

/** Probes at once, per site: few and their own, so that doubt never waits behind changes. */
const PROBE_SLOTS = 20;
/**
 * Heartbeats go out when they are due, at a quarter of their time-out. The SDK would hold each back until four fifths of it
 * are over, and who then stands still for the last fifth would be taken for dead.
 */
const HEARTBEATS_HELD_BACK = "200 milliseconds";
/** Signals at once: thousands may have waited for one account. */
const WAKES_AT_ONCE = 50;

export interface RunningWorker {
  /** Settles when the worker has stopped; rejects when it failed. */
  readonly done: Promise<void>;
  /** Takes no new work, lets changes under way finish, and closes everything. */
  stop(): void;
}

/**
 * Connects, and starts working.
 * @param config from `readConfig`
 * @param atMoment awaited at each moment of a change; only crash tests give one
 * @throws Error with a sentence for the operator when the database, Temporal or the key is not as it must be
 */
export async function startWorker(config: Config, atMoment?: ActivityDeps["atMoment"]): Promise<RunningWorker> {
  const log = pino({ level: config.KEYTURN_LOG_LEVEL, name: "worker" });
  Runtime.install({ logger: new DefaultLogger("WARN", ({ level, message }) => log.warn({ level }, message)) });
  const { db, sql, close } = openDatabase(config.DATABASE_URL, {
    connections: 20,
    name: "keyturn worker",
    prepared: true,
  });
  const { vault, notice } = await openVault({
    exclusively: (work) => withEncryptionKeys(db, work),
    keyFile: config.KEYTURN_KEY_FILE ?? ".keyturn/key",
    key: config.KEYTURN_KEY,
  });
  if (notice) log.warn(notice);
  const connection = await NativeConnection.connect({ address: config.TEMPORAL_ADDRESS });
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const settings = cachedSettings(db);
  const deps: ActivityDeps = {
    db,
    vault,
    log,
    settings,
    findPlugin,
    worker: `${hostname()}:${process.pid}`,
    sessions: new SessionPool(),
    wake: waker(client, log),
    ...(atMoment ? { atMoment } : {}),
  };
  const metrics = openMetrics(config.KEYTURN_WORKER_METRICS_PORT);
  const workers = await createWorkers({ config, connection, deps, client, mended: metrics.mended });
  const starter = new Starter({ db, client, log, settings });
  const listening = await sql.listen(STARTED_CHANNEL, () => starter.poke());
  await Promise.all(SWEEPS.map((schedule) => keepSchedule(client, schedule)));
  starter.start();

  const work = async () => {
    try {
      await Promise.all(workers.map((worker) => worker.run()));
    } finally {
      await Promise.all([starter.stop(), listening.unlisten(), deps.sessions.close(), metrics.close()]);
      await connection.close();
      await close();
    }
  };
  const done = work();
  log.info({ sites: sites(config) }, "working");
  return {
    done,
    stop: () => {
      // Whoever goes on working starts what is new.
      void starter.stop();
      for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
      log.info("stopping: changes under way may finish");
    },
  };
}

/** Tells workflows to go on; one that cannot be told does when the sweep comes by. */
function waker(client: Client, log: ActivityDeps["log"]): ActivityDeps["wake"] {
  return (refs) =>
    inLanes(refs, WAKES_AT_ONCE, async (ref) => {
      try {
        await wakeOperation(client, ref);
      } catch (error) {
        log.warn({ err: error, code: ref.code }, "a workflow could not be woken; the sweep will");
      }
    });
}

function sites(config: Config): string[] {
  return config.KEYTURN_SITES.split(",").map((site) => site.trim());
}

interface Workshop {
  readonly config: Config;
  readonly connection: NativeConnection;
  readonly deps: ActivityDeps;
  readonly client: Client;
  readonly mended: (result: RepairResult) => void;
}

/** One Temporal worker for the workflows, and two per site: many changes, few probes. */
async function createWorkers({ config, connection, deps, client, mended }: Workshop): Promise<Worker[]> {
  const common = {
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    // Its changes under way may finish, whatever their limits are: whoever stops it decides how long to wait.
    shutdownGraceTime: LONGEST_CHANGE_MS,
    maxHeartbeatThrottleInterval: HEARTBEATS_HELD_BACK,
  } satisfies Partial<WorkerOptions>;
  const workflows = config.KEYTURN_WORKFLOW_BUNDLE
    ? { workflowBundle: { codePath: config.KEYTURN_WORKFLOW_BUNDLE } }
    : { workflowsPath: fileURLToPath(new URL("./workflows/index.ts", import.meta.url)) };
  return Promise.all([
    Worker.create({
      ...common,
      ...workflows,
      taskQueue: MAIN_QUEUE,
      activities: createMainActivities(deps, { client, mended }),
      maxCachedWorkflows: config.KEYTURN_CACHED_WORKFLOWS,
      // A dead worker's sticky queue holds a workflow back for so long.
      stickyQueueScheduleToStartTimeout: "3 seconds",
    }),
    ...sites(config).flatMap((site) => [
      Worker.create({
        ...common,
        taskQueue: siteQueue(site),
        activities: createSiteActivities(deps),
        maxConcurrentActivityTaskExecutions: config.KEYTURN_SLOTS,
      }),
      Worker.create({
        ...common,
        taskQueue: probeQueue(site),
        activities: createProbeActivities(deps),
        maxConcurrentActivityTaskExecutions: PROBE_SLOTS,
      }),
    ]),
  ]);
}

const SWEEPS = [
  sweep(REPAIR_SCHEDULE, WORKFLOWS.repairSweep, "1 minute"),
  sweep(POLICY_SCHEDULE, WORKFLOWS.policySweep, "1 minute"),
  sweep(DRIFT_SCHEDULE, WORKFLOWS.driftSweep, "5 minutes"),
];

function sweep(id: string, workflowType: string, every: "1 minute" | "5 minutes"): ScheduleOptions {
  const action = {
    type: "startWorkflow" as const,
    workflowType,
    taskQueue: MAIN_QUEUE,
    workflowId: id,
    // One that is stuck would keep all later ones away.
    workflowRunTimeout: "30 minutes" as const,
    // Before thousands of runs that have just been started. The client of 1.24 sends it, its type does not name it.
    priority: { priorityKey: 1 },
  };
  return {
    scheduleId: id,
    spec: { intervals: [{ every }] },
    action,
    // A pass sees everything an earlier one missed.
    policies: { overlap: "SKIP", catchupWindow: "1 minute" },
  };
}

/** Makes the schedule; one that an older version made becomes what this one wants, and stays paused if it is. */
async function keepSchedule(client: Client, schedule: ScheduleOptions): Promise<void> {
  try {
    await client.schedule.create(schedule);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule
      .getHandle(schedule.scheduleId)
      .update(({ state }) => ({ ...schedule, state: { paused: state.paused, note: state.note } }));
  }
}

/** Metrics of this process; served on loopback when a port is set. */
function openMetrics(port: number | undefined) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const repaired = new Counter({
    name: "keyturn_repaired_total",
    help: "Operations the repair sweep had to mend; zero in health.",
    labelNames: ["mend"],
    registers: [registry],
  });
  const server = createServer((_, response) => {
    void registry.metrics().then((text) => response.setHeader("content-type", registry.contentType).end(text));
  });
  if (port !== undefined) server.listen(port, "127.0.0.1");
  return {
    mended: (result: RepairResult) => {
      for (const [mend, count] of Object.entries(result)) repaired.inc({ mend }, count);
    },
    close: async () => {
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Runs until a signal to stop. */
async function main(): Promise<void> {
  const worker = await startWorker(readConfig());
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => worker.stop());
  await worker.done;
}

if (import.meta.main)
  main().catch((error: unknown) => {
    pino({ name: "worker" }).fatal({ err: error }, "the worker stopped");
    process.exitCode = 1;
  });
