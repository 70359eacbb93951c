import { afterAll, afterEach, beforeAll, describe, it } from "vitest";
import type { Moment } from "../../activities/deps.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget, type OpenTarget, type Place } from "./matrix-target.ts";
import { proveNothingLost } from "./proof.ts";

const KILLS: readonly { moment: Moment; when: string; mustSucceed: boolean }[] = [
  { moment: "staged", when: "after stage's commit", mustSucceed: false },
  { moment: "before-point", when: "before the point of no return", mustSucceed: false },
  { moment: "after-point", when: "after the point of no return, before the password is sent", mustSucceed: false },
  { moment: "applied", when: "after the device accepted the password", mustSucceed: true },
  { moment: "verified", when: "after verify", mustSucceed: true },
  { moment: "before-commit", when: "during promote", mustSucceed: true },
];

/** Those at which they are frozen: who is gets tasks for a minute, which takes as long. */
const STOPS: readonly { moment: Moment; mustSucceed: boolean }[] = [
  { moment: "before-point", mustSucceed: false },
  { moment: "after-point", mustSucceed: false },
  { moment: "before-commit", mustSucceed: true },
];

/**
 * Kills and freezes real workers at exact moments of a change on a real device.
 * @param kills where they are killed, and none is frozen; everywhere and both when absent
 */
export function killMatrix(name: string, open: OpenTarget, kills?: readonly Moment[]): void {
  describe(`kill matrix: ${name}`, () => {
    let target: Awaited<ReturnType<OpenTarget>>;
    let estate: Estate;
    let place: Place;
    const workers: TestWorker[] = [];
    const startWorker = async (moments: readonly Moment[] = []) => {
      const worker = await TestWorker.start(estate.surroundings, moments);
      workers.push(worker);
      return worker;
    };

    beforeAll(async () => {
      [target, estate] = await Promise.all([open(), Estate.open()]);
      place = await addTarget(estate, target);
    });
    afterEach(async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.kill()));
    });
    afterAll(async () => {
      await estate.close();
      await target.close();
    });

    it.each(KILLS.filter(({ moment }) => !kills || kills.includes(moment)))(
      "a worker killed $when loses nothing",
      async ({ moment, mustSucceed }) => {
        const account = await addAccount(estate, target, place);
        const doomed = await startWorker([moment]);
        const [code = 0] = await estate.request(account.credentialId);
        await doomed.reached(moment);
        await doomed.kill();
        await startWorker();
        await estate.until(code);
        await proveNothingLost(estate, target, { code, account, mustSucceed });
      },
    );

    it.each(kills ? [] : STOPS)(
      "a worker stopped at $moment until the probe has decided sends nothing when it goes on",
      async ({ moment, mustSucceed }) => {
        const account = await addAccount(estate, target, place);
        const stalled = await startWorker([moment]);
        const [code = 0] = await estate.request(account.credentialId);
        await stalled.reached(moment);
        stalled.signal("SIGSTOP");
        await startWorker();
        await estate.until(code);
        await proveNothingLost(estate, target, { code, account, mustSucceed });
        stalled.go();
        stalled.signal("SIGCONT");
        // The stalled worker finishes its activity before it stops: whatever it would still send, it has sent by then.
        await stalled.stop();
        await proveNothingLost(estate, target, { code, account, mustSucceed });
      },
    );
  });
}
