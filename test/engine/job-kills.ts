/** Workers that die in the middle of a job on a real sshd: what may have been done is not done twice. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { TestWorker } from "../helpers/worker.ts";
import { JobScene, typed } from "./jobs-scene.ts";

const CELLS = [
  ["staged", "change.interrupted", 2],
  ["after-point", "job.unverified", 1],
  ["verified", "job.unverified", 1],
] as const;

/** What became of the job: its attempt's outcome. @param moments those at which a worker is killed; all when absent */
export function jobKills(moments: readonly string[] = CELLS.map(([moment]) => moment)): void {
  describeAsRoot("a job whose worker dies when it has", ["openssh-server"], () => {
    let scene: JobScene;
    let estate: Estate;
    let worker: TestWorker | undefined;
    beforeAll(async () => {
      scene = await JobScene.open();
    });
    afterAll(() => scene.close());
    beforeEach(async () => {
      // A template is several commands, and a machine may be slow.
      estate = await Estate.open({ leaseSeconds: 15, connectTimeoutSeconds: 15, readTimeoutSeconds: 15 });
    });
    afterEach(async () => {
      await worker?.kill();
      await estate.close();
    });

    const startWorker = async (...held: Parameters<typeof TestWorker.start>[1] & {}) =>
      (worker = await TestWorker.start(estate.surroundings, held));

    it.each(CELLS.filter(([moment]) => moments.includes(moment)))("%s: %s", async (moment, outcome, attempts) => {
      const held = await startWorker(moment);
      const { deviceId, rootId } = await scene.register(estate);
      const group = scene.freshName();
      const templateId = await scene.addTemplate(estate, "group-creation", typed("groupadd [#GRUPO_NOME#]"));
      const code = await scene.request(estate, {
        kind: "group-creation",
        templateId,
        deviceId,
        authenticationCredentialId: rootId,
        parameters: { group },
      });
      await held.reached(moment);
      await held.kill();
      await startWorker();
      const ended = await estate.until(code);
      expect((await estate.attempts(code))[0]?.outcome).toBe(outcome);
      expect(ended).toMatchObject({ attempts, state: attempts === 2 ? "succeeded" : "error" });
      const [{ leaseUntil, endedAt } = {}] = await estate.attempts(code);
      // While it may still send, nothing is said.
      if (attempts === 1) expect(endedAt?.getTime()).toBeGreaterThan(leaseUntil?.getTime() ?? Infinity);
    });
  });
}
