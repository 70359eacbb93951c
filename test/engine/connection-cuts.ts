import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, it } from "vitest";
import type { Moment } from "../../activities/deps.ts";
import { type CuttingProxy, startCuttingProxy } from "../helpers/cutting-proxy.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget, type OpenTarget } from "./matrix-target.ts";
import { proveNothingLost } from "./proof.ts";

interface Cut {
  readonly when: string;
  readonly at: Moment;
  readonly cut: (proxy: CuttingProxy) => void;
}

const CUTS: readonly Cut[] = [
  { when: "before the password is sent", at: "before-point", cut: (proxy) => proxy.cutAfter({ toDevice: 0 }) },
  { when: "while the password is sent", at: "after-point", cut: (proxy) => proxy.cutAfter({ toDevice: 25 }) },
  { when: "after the password is sent", at: "after-point", cut: (proxy) => proxy.cutAfter({ fromDevice: 0 }) },
];

/** Cuts the connection to a real device around the password. */
export function connectionCuts(name: string, open: OpenTarget): void {
  describe(`connection cut: ${name}`, () => {
    let target: Awaited<ReturnType<OpenTarget>>;
    let estate: Estate;
    let proxy: CuttingProxy;

    beforeAll(async () => {
      [target, estate] = await Promise.all([open(), Estate.open()]);
      proxy = await startCuttingProxy(target.port);
    });
    afterAll(async () => {
      await estate.close();
      await proxy.stop();
      await target.close();
    });

    it.each(CUTS)("$when loses nothing", async ({ at, cut }) => {
      const place = await addTarget(estate, target, proxy.port);
      const account = await addAccount(estate, target, place);
      const worker = await TestWorker.start(estate.surroundings, [at]);
      try {
        const [code = 0] = await estate.request(account.credentialId);
        await worker.reached(at);
        cut(proxy);
        worker.go();
        // Long enough for the change to run into it, and for its probe to find the device gone.
        await sleep(2_000);
        proxy.resume();
        await estate.until(code);
        await proveNothingLost(estate, target, { code, account, mustSucceed: false });
      } finally {
        await worker.kill();
      }
    });
  });
}
