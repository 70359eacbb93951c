import type { Client } from "@temporalio/client";
import { msToTs } from "@temporalio/common/lib/time.js";
import { newId } from "../../db/new-id.ts";

/** COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK of Temporal's API. */
const SCHEDULE_ACTIVITY = 1;
const POLL_MS = 30_000;

/** Runs an activity, played by hand, whose heartbeat holds the secret; `look` runs while it is running. */
export async function leakByHeartbeat(client: Client, secret: string, look: () => Promise<void>): Promise<void> {
  const { workflowService: service } = client.connection;
  const namespace = client.options.namespace;
  const workflowId = `leak-${newId()}`;
  const taskQueue = { name: workflowId };
  const identity = "test";
  const handle = await client.workflow.start("leak", { workflowId, taskQueue: workflowId });
  const poll = <T>(ask: () => Promise<T>) => client.connection.withDeadline(Date.now() + POLL_MS, ask);
  const { taskToken } = await poll(() => service.pollWorkflowTaskQueue({ namespace, taskQueue, identity }));
  await service.respondWorkflowTaskCompleted({
    namespace,
    identity,
    taskToken,
    commands: [
      {
        commandType: SCHEDULE_ACTIVITY,
        scheduleActivityTaskCommandAttributes: {
          activityId: "1",
          activityType: { name: "leak" },
          taskQueue,
          startToCloseTimeout: msToTs("10 minutes"),
          heartbeatTimeout: msToTs("10 minutes"),
        },
      },
    ],
  });
  const activity = await poll(() => service.pollActivityTaskQueue({ namespace, taskQueue, identity }));
  const data = Buffer.from(JSON.stringify({ step: "apply", password: secret }));
  await service.recordActivityTaskHeartbeat({
    namespace,
    identity,
    taskToken: activity.taskToken,
    details: { payloads: [{ metadata: { encoding: Buffer.from("json/plain") }, data }] },
  });
  await look();
  await handle.terminate();
}
