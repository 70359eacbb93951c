/** Devices that hang for their whole time-out delay no other device. How long all takes is measured by the bench. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startSilentTarget } from "../../scripts/targets/silent.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

const DEVICES = 100;
const HANGING = 5;
/** Longer than everything else takes on any machine. */
const TIMEOUT_SECONDS = 280;

test("of 100 devices five hang: the other 95 are done while those five still do", async () => {
  await using cleanup = new AsyncDisposableStack();
  const target = await openPostgresTarget("own");
  cleanup.defer(() => target.close());
  const silent = await startSilentTarget();
  cleanup.defer(() => silent.stop());
  const estate = await Estate.open({
    connectTimeoutSeconds: TIMEOUT_SECONDS,
    readTimeoutSeconds: TIMEOUT_SECONDS,
    // A hundred changes at once on a slow machine: none of them is to be taken for dead.
    leaseSeconds: 120,
    heartbeatSeconds: 60,
  });
  cleanup.defer(() => estate.close());
  const worker = await TestWorker.start(estate.surroundings);
  cleanup.defer(() => worker.kill());

  const accounts = await target.makeAccounts(DEVICES);
  const credentials = await Promise.all(
    accounts.map(async (account, index) => {
      const deviceId = await target.addDevice(estate, index < HANGING ? silent.port : target.port);
      return estate.addCredential({ deviceId, plugin: target.plugin, ...account });
    }),
  );
  const hanging = await estate.request(...credentials.slice(0, HANGING));
  while (silent.waiting() < HANGING) await sleep(20);
  const healthy = await estate.request(...credentials.slice(HANGING));
  const done = await Promise.all(healthy.map((code) => estate.until(code, ["succeeded", "error"], 240_000)));
  expect(done.filter(({ state, attempts }) => state !== "succeeded" || attempts !== 1)).toEqual([]);
  // Each is still at its first attempt, with the connection it began with.
  expect(silent.waiting()).toBe(HANGING);
  for (const code of hanging) {
    expect((await estate.operation(code)).state).toBe("running");
    expect(await estate.attempts(code)).toMatchObject([{ number: 1, endedAt: null }]);
  }
});
