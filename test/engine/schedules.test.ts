/** The schedules of the sweeps, as a worker leaves them on the server. */
import { Client, Connection } from "@temporalio/client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { DRIFT_SCHEDULE, MAIN_QUEUE, POLICY_SCHEDULE, REPAIR_SCHEDULE } from "../../contracts/ids.ts";
import { WORKFLOWS } from "../../contracts/messages.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";

let estate: Estate;
let connection: Connection;
let client: Client;
let worker: TestWorker | undefined;
beforeEach(async () => {
  estate = await Estate.open();
  const { address, namespace } = estate.surroundings.temporal;
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
});
afterEach(async () => {
  await worker?.kill();
  worker = undefined;
  await connection.close();
  await estate.close();
});

it("one that an older version made becomes what this one wants, and stays paused if it was", async () => {
  await client.schedule.create({
    scheduleId: POLICY_SCHEDULE,
    spec: { intervals: [{ every: "7 hours" }] },
    action: {
      type: "startWorkflow",
      workflowType: WORKFLOWS.policySweep,
      taskQueue: MAIN_QUEUE,
      workflowId: POLICY_SCHEDULE,
    },
    state: { paused: true, note: "by a person" },
  });
  worker = await TestWorker.start(estate.surroundings);
  const [policy, ...others] = await Promise.all(
    [POLICY_SCHEDULE, REPAIR_SCHEDULE, DRIFT_SCHEDULE].map((id) => client.schedule.getHandle(id).describe()),
  );
  expect(policy?.spec.intervals).toMatchObject([{ every: 60_000 }]);
  expect(policy?.state).toMatchObject({ paused: true, note: "by a person" });
  for (const { state } of others) expect(state.paused).toBe(false);
  // A pass that is stuck must not keep all later ones away.
  for (const { action } of [policy, ...others].filter((one) => one !== undefined))
    expect(action.type === "startWorkflow" && action.workflowRunTimeout).toBeTruthy();
});
