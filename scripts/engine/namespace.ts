import { hostname } from "node:os";
import { Connection } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time.js";
import { until } from "./ports.ts";

const DAY_MS = 86_400_000;
/** gRPC status codes. */
const ALREADY_EXISTS = 6;
const NOT_FOUND = 5;

/**
 * Makes a namespace, or sets the retention of the one that is there; returns when the server serves it.
 * @param options.retentionDays how long closed workflows are kept
 * @param options.keep leave an existing one as it is (a server that is not ours)
 */
export async function ensureNamespace(
  address: string,
  namespace: string,
  options: { retentionDays?: number; keep?: boolean } = {},
): Promise<void> {
  const connection = await Connection.connect({ address });
  const workflowExecutionRetentionTtl = msToTs((options.retentionDays ?? 30) * DAY_MS);
  try {
    const service = connection.workflowService;
    try {
      await service.registerNamespace({ namespace, workflowExecutionRetentionPeriod: workflowExecutionRetentionTtl });
    } catch (error) {
      if (codeOf(error) !== ALREADY_EXISTS) throw error;
      if (!options.keep) await service.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
    }
    // A new namespace is known to every part of the server a moment later.
    await until(() => isServed(connection, namespace), { what: `Namespace ${namespace}`, timeoutMs: 30_000 });
  } finally {
    await connection.close();
  }
}

/** True when the process `pid` of this machine polls `queue` for workflow tasks. */
export async function isPolled(address: string, queue: { namespace: string; name: string }, pid: number) {
  // Briefly: who asks will ask again, unless the server is gone for good.
  const connection = await Connection.connect({ address, connectTimeout: "2 seconds" }).catch(() => undefined);
  try {
    const answer = await connection?.workflowService.describeTaskQueue({
      namespace: queue.namespace,
      taskQueue: { name: queue.name },
      taskQueueType: 1,
    });
    // The SDK's identity; a killed worker stays in the list for minutes.
    return (answer?.pollers ?? []).some(({ identity }) => identity === `${pid}@${hostname()}`);
  } finally {
    await connection?.close();
  }
}

async function isServed(connection: Connection, namespace: string): Promise<boolean> {
  try {
    await connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: "keyturn" }, taskQueueType: 1 });
    return true;
  } catch (error) {
    if (codeOf(error) === NOT_FOUND) return false;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
