import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { NAMESPACE } from "../contracts/ids.ts";
import { load } from "./load.ts";
import type { Measured } from "./stats.ts";

const QUEUE = "bench-floor";
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
      activities: { nothing: async () => {} },
    });
    const client = new Client({ connection, namespace: NAMESPACE });
    const run = (type: string, items: number) =>
      load(Array.from({ length: items }), concurrency, async () => {
        await client.workflow.execute(type, { taskQueue: QUEUE, workflowId: `${QUEUE}-${randomUUID()}` });
      });
    return await worker.runUntil(async () => {
      await run("oneActivity", concurrency);
      return { empty: await run("empty", count), oneActivity: await run("oneActivity", count) };
    });
  } finally {
    await connection.close();
    await native.close();
  }
}
