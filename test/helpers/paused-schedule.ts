import { Client, Connection } from "@temporalio/client";
import { MAIN_QUEUE } from "../../contracts/ids.ts";
import type { Estate } from "./estate.ts";

/**
 * Keeps a sweep from passes of its own, which would come between what a test does at a full minute: its schedule is there,
 * paused, before the first worker, and workers leave a paused one paused.
 */
export async function pauseSchedule({ surroundings: { temporal } }: Estate, scheduleId: string): Promise<void> {
  const connection = await Connection.connect({ address: temporal.address });
  try {
    await new Client({ connection, namespace: temporal.namespace }).schedule.create({
      scheduleId,
      spec: {},
      // The worker says what it really starts.
      action: { type: "startWorkflow", workflowType: "none", taskQueue: MAIN_QUEUE },
      state: { paused: true },
    });
  } finally {
    await connection.close();
  }
}
