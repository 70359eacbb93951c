/** Workers that die at each moment of making and of removing an account: none is left behind. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { endLifetime, readCredential, requestOne } from "../../engine/ephemeral-scene.ts";
import { JobScene } from "../../engine/jobs-scene.ts";
import { Estate } from "../../helpers/estate.ts";
import { describeAsRoot } from "../../helpers/needs.ts";
import { TestWorker } from "../../helpers/worker.ts";

describeAsRoot("ephemeral credentials", ["openssh-server"], () => {
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

  const startWorker = async (...moments: Parameters<typeof TestWorker.start>[1] & {}) =>
    (worker = await TestWorker.start(estate.surroundings, moments));

  it.each([
    ["staged", false],
    ["before-point", false],
    ["after-point", true],
    ["applied", true],
    ["verified", true],
    ["before-commit", true],
    ["promoted", true],
  ] as const)("a worker that dies when the creation has %s leaves no account behind", async (moment, mustRemove) => {
    const held = await startWorker(moment);
    const { code, credentialId, removalCode, username } = await requestOne(scene, estate);
    await held.reached(moment);
    await held.kill();
    await startWorker();
    await estate.until(code);
    await endLifetime(scene, estate, removalCode);
    const ended = await estate.until(removalCode, ["succeeded", "canceled"]);
    // Whatever was sent is removed, and it may be that nothing was.
    if (mustRemove) expect(ended.state).toBe("succeeded");
    expect(await scene.entry("passwd", username)).toBeUndefined();
    expect(await readCredential(estate, credentialId)).toMatchObject({ active: false, attention: null });
    const open = (await estate.versions(credentialId)).filter(({ status }) => /candidate|doubtful/.test(status));
    expect(open).toEqual([]);
  });

  it.each(["staged", "after-point", "applied", "verified"] as const)(
    "a worker that dies when the removal has %s: it is gone on with until it is proven",
    async (moment) => {
      await startWorker();
      const { code, credentialId, removalCode, username } = await requestOne(scene, estate);
      await estate.until(code);
      await worker?.kill();
      const held = await startWorker(moment);
      await endLifetime(scene, estate, removalCode);
      await held.reached(moment);
      await held.kill();
      await startWorker();
      expect((await estate.until(removalCode, ["succeeded"])).attempts).toBe(2);
      expect(await scene.entry("passwd", username)).toBeUndefined();
      expect(await readCredential(estate, credentialId)).toMatchObject({ active: false });
    },
  );
});
