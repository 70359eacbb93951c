/** A change that takes long shows that it lives as often as it should: a worker that stands still for a moment is alive. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { expect, it } from "vitest";
import { operationWorkflowId } from "../../contracts/ids.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

const TIMEOUT_SECONDS = 6;
/** Pauses between heartbeats that are looked at: on a busy machine one or the other is longer. */
const PAUSES = 6;

it("its heartbeats leave more than half of their time-out to a worker that stands still", async () => {
  await using cleanup = new AsyncDisposableStack();
  const target = await openPostgresTarget("own");
  cleanup.defer(() => target.close());
  const estate = await Estate.open({ heartbeatSeconds: TIMEOUT_SECONDS });
  cleanup.defer(() => estate.close());
  const worker = await TestWorker.start(estate.surroundings, ["staged"]);
  cleanup.defer(() => worker.kill());
  const { address, namespace } = estate.surroundings.temporal;
  const connection = await Connection.connect({ address });
  cleanup.defer(() => connection.close());
  const account = await addAccount(estate, target, await addTarget(estate, target));
  const [code = 0] = await estate.request(account.credentialId);
  await worker.reached("staged");

  const handle = new Client({ connection, namespace }).workflow.getHandle(operationWorkflowId(code, 1));
  const heard = async () => {
    const { raw } = await handle.describe();
    const at = raw.pendingActivities?.[0]?.lastHeartbeatTime;
    return at ? Number(at.seconds) + Number(at.nanos) / 1e9 : undefined;
  };
  const times: number[] = [];
  while (times.length <= PAUSES) {
    const at = await heard();
    if (at !== undefined && at !== times.at(-1)) times.push(at);
    await sleep(50);
    if (shortest(times) < TIMEOUT_SECONDS / 2) break;
  }
  expect(shortest(times)).toBeLessThan(TIMEOUT_SECONDS / 2);
  worker.go();
  expect(await estate.until(code)).toMatchObject({ state: "succeeded", attempts: 1, probes: 0 });
});

function shortest(times: readonly number[]): number {
  return Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)));
}
