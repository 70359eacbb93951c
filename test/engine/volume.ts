/** Many changes at once: each ends with exactly one promoted version, and every new password logs in. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccounts, addTarget, type OpenTarget } from "./matrix-target.ts";

export function manyChanges(
  name: string,
  open: OpenTarget,
  { count, permits }: { count: number; permits: number },
): void {
  describe(`${count} changes, ${permits} at once: ${name}`, () => {
    let target: Awaited<ReturnType<OpenTarget>>;
    let estate: Estate;
    let worker: TestWorker;

    beforeAll(async () => {
      // So many at once keep a slow machine busy: none is to be taken for dead, or to wait too long for the log-in of all.
      const patient = { leaseSeconds: 60, heartbeatSeconds: 30, loginFailures: 20, connectTimeoutSeconds: 30 };
      [target, estate] = await Promise.all([open(), Estate.open(patient)]);
      worker = await TestWorker.start(estate.surroundings);
    });
    afterAll(async () => {
      await worker.kill();
      await estate.close();
      await target.close();
    });

    it("all are promoted once and log in", async () => {
      const place = await addTarget(estate, target);
      await estate.setPermits(place.deviceId, permits);
      const accounts = await addAccounts(estate, target, place, count);
      const codes = await estate.request(...accounts.map(({ credentialId }) => credentialId));
      for (const code of codes) expect((await estate.until(code)).state).toBe("succeeded");
      for (const [index, { credentialId, username, password }] of accounts.entries()) {
        const versions = await estate.versions(credentialId);
        const promoted = versions.filter(
          ({ operationCode, promotedAt }) => operationCode === codes[index] && promotedAt,
        );
        expect(promoted.map(({ status }) => status)).toEqual(["current"]);
        const story = JSON.stringify(await estate.attempts(codes[index] ?? 0));
        expect(versions.map(({ status }) => status).toSorted(), story).toEqual(["current", "previous"]);
        const stored = await estate.currentPassword(credentialId);
        expect(stored).not.toBe(password);
        expect(await target.logsIn(username, stored)).toBe(true);
      }
    });
  });
}
