/** Workers that die at each moment of making a user with a password: the password is the credential's in the end. */
import { expect, it } from "vitest";
import { jobGround } from "../../engine/job-ground.ts";
import { requestUser } from "../../engine/user-creation-scene.ts";
import { describeAsRoot } from "../../helpers/needs.ts";
import { answer } from "../../helpers/ssh.ts";

describeAsRoot("users who are made with a password", ["openssh-server"], () => {
  const on = jobGround();

  it.each(["staged", "before-point", "after-point", "applied", "verified", "before-commit", "promoted"] as const)(
    "a worker that dies when the creation has %s: it is gone on with, and the password logs in",
    async (moment) => {
      const held = await on.startWorker(moment);
      const { code, credentialId, username } = await requestUser(on.scene, on.estate);
      await held.reached(moment);
      await held.kill();
      await on.startWorker();
      const ended = await on.estate.until(code);
      expect(ended.state, JSON.stringify(await on.estate.attempts(code))).toBe("succeeded");
      expect(await answer(on.scene.ssh, username, await on.estate.currentPassword(credentialId))).toBe(
        "verify.accepted",
      );
      const open = (await on.estate.versions(credentialId)).filter(({ status }) => /candidate|doubtful/.test(status));
      expect(open).toEqual([]);
    },
  );
});
