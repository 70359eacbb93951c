/** Workers that die at each moment of making a user with a password: the password is the credential's in the end. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { JobScene } from "../../engine/jobs-scene.ts";
import { requestUser } from "../../engine/user-creation-scene.ts";
import { Estate } from "../../helpers/estate.ts";
import { describeAsRoot } from "../../helpers/needs.ts";
import { answer } from "../../helpers/ssh.ts";
import { TestWorker } from "../../helpers/worker.ts";

describeAsRoot("users who are made with a password", ["openssh-server"], () => {
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
    worker = undefined;
    await estate.close();
  });

  it.each(["staged", "before-point", "after-point", "applied", "verified", "before-commit", "promoted"] as const)(
    "a worker that dies when the creation has %s: it is gone on with, and the password logs in",
    async (moment) => {
      worker = await TestWorker.start(estate.surroundings, [moment]);
      const { code, credentialId, username } = await requestUser(scene, estate);
      await worker.reached(moment);
      await worker.kill();
      worker = await TestWorker.start(estate.surroundings, []);
      const ended = await estate.until(code);
      expect(ended.state, JSON.stringify(await estate.attempts(code))).toBe("succeeded");
      expect(await answer(scene.ssh, username, await estate.currentPassword(credentialId))).toBe("verify.accepted");
      const open = (await estate.versions(credentialId)).filter(({ status }) => /candidate|doubtful/.test(status));
      expect(open).toEqual([]);
    },
  );
});
