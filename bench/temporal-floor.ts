import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { NAMESPACE } from "../contracts/ids.ts";
import { load } from "./load.ts";
import { type Measured, type Spread, spread } from "./stats.ts";

const QUEUE = "bench-floor";
/** After so long a workflow that was started waits. */
const SETTLED_MS = 100;
const logger = new DefaultLogger("WARN");

export interface TemporalFloor {
  /** Workflows with nothing in them. */
  readonly empty: Measured;
  /** Workflows with one remote activity that does nothing. */
  readonly oneActivity: Measured;
}

/**
 * Measures the server's own cost, start to result, on the server Keyturn uses.
 * @param address host:port of Temporal @param count workflows of each type @param concurrency at once
 */
export async function measureTemporal(address: string, count: number, concurrency: number): Promise<TemporalFloor> {
  const nothing = async () => {};
  return withBareWorker(address, nothing, async (client) => {
    const run = (type: string, items: number) =>
      load(Array.from({ length: items }), concurrency, async () => {
        await client.workflow.execute(type, { taskQueue: QUEUE, workflowId: `${QUEUE}-${randomUUID()}` });
      });
    await run("oneActivity", concurrency);
    return { empty: await run("empty", count), oneActivity: await run("oneActivity", count) };
  });
}

/**
 * Measures from the call that signals a waiting workflow until its activity begins, one at a time.
 * @param address host:port of Temporal @param count signals
 */
export async function measureSignals(address: string, count: number): Promise<Spread> {
  let begun = 0;
  const nothing = async () => void (begun = performance.now());
  return withBareWorker(address, nothing, async (client) => {
    const times: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const handle = await client.workflow.start("signalled", {
        taskQueue: QUEUE,
        workflowId: `${QUEUE}-${randomUUID()}`,
      });
      // Its first turn is over, and it waits: as a run has long done when somebody approves.
      await sleep(SETTLED_MS);
      const since = performance.now();
      await handle.signal("go");
      await handle.result();
      times.push(begun - since);
    }
    return spread(times);
  });
}

/** Runs the bare workflows in this process while `work` asks for them. */
async function withBareWorker<T>(
  address: string,
  nothing: () => Promise<void>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  Runtime.install({ logger, shutdownSignals: [] });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL("workflows.ts", import.meta.url)),
    logger,
  });
  const native = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  try {
    const worker = await Worker.create({
      connection: native,
      namespace: NAMESPACE,
      taskQueue: QUEUE,
      workflowBundle,
      activities: { nothing },
    });
    const client = new Client({ connection, namespace: NAMESPACE });
    return await worker.runUntil(() => work(client));
  } finally {
    await connection.close();
    await native.close();
  }
}
