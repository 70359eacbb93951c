/** Workers that die at each moment of making and of removing an account: none is left behind. */
import { expect, it } from "vitest";
import { endLifetime, readCredential, requestOne } from "../../engine/ephemeral-scene.ts";
import { jobGround } from "../../engine/job-ground.ts";
import { describeAsRoot } from "../../helpers/needs.ts";

describeAsRoot("ephemeral credentials", ["openssh-server"], () => {
  const on = jobGround();

  it.each([
    ["staged", false],
    ["before-point", false],
    ["after-point", true],
    ["applied", true],
    ["verified", true],
    ["before-commit", true],
    ["promoted", true],
  ] as const)("a worker that dies when the creation has %s leaves no account behind", async (moment, mustRemove) => {
    const held = await on.startWorker(moment);
    const { code, credentialId, removalCode, username } = await requestOne(on.scene, on.estate);
    await held.reached(moment);
    await held.kill();
    await on.startWorker();
    await on.estate.until(code);
    await endLifetime(on.scene, on.estate, removalCode);
    const ended = await on.estate.until(removalCode, ["succeeded", "canceled"]);
    // Whatever was sent is removed, and it may be that nothing was.
    if (mustRemove) expect(ended.state).toBe("succeeded");
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    expect(await readCredential(on.estate, credentialId)).toMatchObject({ active: false, attention: null });
    const open = (await on.estate.versions(credentialId)).filter(({ status }) => /candidate|doubtful/.test(status));
    expect(open).toEqual([]);
  });

  it.each(["staged", "after-point", "applied", "verified"] as const)(
    "a worker that dies when the removal has %s: it is gone on with until it is proven",
    async (moment) => {
      await on.startWorker();
      const { code, credentialId, removalCode, username } = await requestOne(on.scene, on.estate);
      await on.estate.until(code);
      await on.killWorker();
      const held = await on.startWorker(moment);
      await endLifetime(on.scene, on.estate, removalCode);
      await held.reached(moment);
      await held.kill();
      await on.startWorker();
      expect((await on.estate.until(removalCode, ["succeeded"])).attempts).toBe(2);
      expect(await on.scene.entry("passwd", username)).toBeUndefined();
      expect(await readCredential(on.estate, credentialId)).toMatchObject({ active: false });
    },
  );
});
