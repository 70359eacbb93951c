/** A worker that is told to stop finishes what it began; one that is not given the time for it loses nothing. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccounts, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

const HEARTBEAT_SECONDS = 4;

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
const workers: TestWorker[] = [];

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open({ heartbeatSeconds: HEARTBEAT_SECONDS });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await estate.close();
});

async function start(moments: Parameters<typeof TestWorker.start>[1] = []): Promise<TestWorker> {
  const worker = await TestWorker.start(estate.surroundings, moments);
  workers.push(worker);
  return worker;
}

/** A change that its worker holds at the moment, having been told to stop; and one that was requested afterwards. */
async function stopAt(moment: "staged" | "applied") {
  const accounts = await addAccounts(estate, target, await addTarget(estate, target), 2);
  const [begun, late] = accounts as [(typeof accounts)[number], (typeof accounts)[number]];
  const worker = await start([moment]);
  const [code = 0] = await estate.request(begun.credentialId);
  await worker.reached(moment);
  const stopped = worker.stop();
  await vi.waitFor(() => expect(worker.log).toContain("stopping"), 60_000);
  const [lateCode = 0] = await estate.request(late.credentialId);
  return { worker, stopped, begun: { code, account: begun }, late: { code: lateCode, account: late } };
}

it.each(["staged", "applied"] as const)(
  "what it holds at %s it finishes itself, and begins nothing new",
  async (moment) => {
    const { worker, stopped, begun, late } = await stopAt(moment);
    // Longer than a silent one would be taken for alive.
    await sleep(2 * HEARTBEAT_SECONDS * 1000);
    worker.go();
    await stopped;
    expect(await estate.operation(begun.code)).toMatchObject({ state: "succeeded", attempts: 1, probes: 0 });
    expect(await estate.attempts(begun.code)).toMatchObject([{ outcome: "change.succeeded" }]);
    expect(await estate.operation(late.code)).toMatchObject({ state: "scheduled", attempts: 0 });
    await start();
    for (const { code, account } of [begun, late]) {
      await estate.until(code);
      await proveNothingLost(estate, target, { code, account, mustSucceed: true });
    }
  },
);

it.each(["staged", "applied"] as const)(
  "what it holds at %s when it is killed meanwhile another takes up",
  async (moment) => {
    const { worker, stopped, begun, late } = await stopAt(moment);
    await worker.kill();
    await stopped;
    await start();
    for (const { code, account } of [begun, late]) {
      await estate.until(code);
      await proveNothingLost(estate, target, { code, account, mustSucceed: true });
    }
  },
);
