/** Workers that die in the middle of a job on a real sshd: what may have been done is not done twice. */
import { expect, it } from "vitest";
import { describeAsRoot } from "../helpers/needs.ts";
import { jobGround } from "./job-ground.ts";
import { typed } from "./jobs-scene.ts";

const CELLS = [
  ["staged", "change.interrupted", 2],
  ["after-point", "job.unverified", 1],
  ["verified", "job.unverified", 1],
] as const;

/** What became of the job: its attempt's outcome. @param moments those at which a worker is killed; all when absent */
export function jobKills(moments: readonly string[] = CELLS.map(([moment]) => moment)): void {
  describeAsRoot("a job whose worker dies when it has", ["openssh-server"], () => {
    const on = jobGround();

    it.each(CELLS.filter(([moment]) => moments.includes(moment)))("%s: %s", async (moment, outcome, attempts) => {
      const held = await on.startWorker(moment);
      const { deviceId, rootId } = await on.scene.register(on.estate);
      const group = on.scene.freshName();
      const templateId = await on.scene.addTemplate(on.estate, "group-creation", typed("groupadd [#GRUPO_NOME#]"));
      const code = await on.scene.request(on.estate, {
        kind: "group-creation",
        templateId,
        deviceId,
        authenticationCredentialId: rootId,
        parameters: { group },
      });
      await held.reached(moment);
      await held.kill();
      await on.startWorker();
      const ended = await on.estate.until(code);
      expect((await on.estate.attempts(code))[0]?.outcome).toBe(outcome);
      expect(ended).toMatchObject({ attempts, state: attempts === 2 ? "succeeded" : "error" });
      const [{ leaseUntil, endedAt } = {}] = await on.estate.attempts(code);
      // While it may still send, nothing is said.
      if (attempts === 1) expect(endedAt?.getTime()).toBeGreaterThan(leaseUntil?.getTime() ?? Infinity);
    });
  });
}
