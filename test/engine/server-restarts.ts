import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Moment } from "../../activities/deps.ts";
import { migrate } from "../../db/migrate.ts";
import { ensureNamespace } from "../../scripts/engine/namespace.ts";
import { startPostgres } from "../../scripts/engine/postgres.ts";
import { startTemporal } from "../../scripts/engine/temporal.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget, type OpenTarget } from "./matrix-target.ts";
import { proveNothingLost } from "./proof.ts";

/** Kills our own database and Temporal under a change, and starts them again. */
export function serverRestarts(name: string, open: OpenTarget): void {
  describe(`our own servers die mid-change: ${name}`, () => {
    let target: Awaited<ReturnType<OpenTarget>>;
    beforeAll(async () => {
      target = await open();
    });
    afterAll(() => target.close());

    it.each<Moment>(["before-point", "applied"])("PostgreSQL killed and started again at %s", async (moment) => {
      const options = { name: `own-${randomUUID()}`, password: randomUUID(), scratch: true };
      let server = await startPostgres(options);
      await migrate(server.url());
      const estate = await Estate.open({}, { databaseUrl: server.url() });
      const worker = await TestWorker.start(estate.surroundings, [moment]);
      try {
        const account = await addAccount(estate, target, await addTarget(estate, target));
        const [code = 0] = await estate.request(account.credentialId);
        await worker.reached(moment);
        await server.kill();
        worker.go();
        await sleep(1_500);
        server = await startPostgres({ ...options, port: server.port });
        await estate.until(code);
        await proveNothingLost(estate, target, { code, account, mustSucceed: moment === "applied" });
      } finally {
        await worker.kill();
        await estate.close();
        await server.stop();
      }
    });

    it("Temporal killed and started again after the device accepted the password", async () => {
      const options = { name: `temporal-${randomUUID()}`, scratch: true };
      let server = await startTemporal(options);
      const temporal = { address: server.address, namespace: "keyturn" };
      await ensureNamespace(temporal.address, temporal.namespace);
      const estate = await Estate.open({}, { temporal });
      const worker = await TestWorker.start(estate.surroundings, ["applied"]);
      try {
        const account = await addAccount(estate, target, await addTarget(estate, target));
        const [code = 0] = await estate.request(account.credentialId);
        await worker.reached("applied");
        await server.kill();
        worker.go();
        await sleep(1_500);
        server = await startTemporal({ ...options, port: server.port });
        const { state } = await estate.until(code);
        expect(state).toBe("succeeded");
        await proveNothingLost(estate, target, { code, account, mustSucceed: true });
      } finally {
        await worker.kill();
        await estate.close();
        await server.stop();
      }
    });
  });
}
