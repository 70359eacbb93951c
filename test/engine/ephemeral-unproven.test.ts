/** An ephemeral account of which nobody knows whether it was made: what has its name may be somebody else's. */
import { and, eq } from "drizzle-orm";
import { expect, it } from "vitest";
import * as schema from "../../db/schema/index.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { answer } from "../helpers/ssh.ts";
import { CREATE, endLifetime, readCredential, requestOne } from "./ephemeral-scene.ts";
import { jobGround } from "./job-ground.ts";

describeAsRoot("an ephemeral account whose worker was lost before it told what it did", ["openssh-server"], () => {
  const on = jobGround();
  const isAsked = (removalCode: number) =>
    expect
      .poll(() => on.estate.operation(removalCode), { timeout: 120_000 })
      .toMatchObject({ state: "scheduled", outcome: "ephemeral.unproven", attempts: 0 });

  it("is not removed where somebody had one of that name; a person cancels the removal, and nobody else", async () => {
    const held = await on.startWorker("after-point");
    const { code, credentialId, removalCode, username } = await requestOne(on.scene, on.estate, {
      prepare: (name) => on.scene.addAccount(name, "Old-Passw0rd-1x"),
    });
    await held.reached("after-point");
    await held.kill();
    await on.startWorker();
    expect(await on.estate.until(code)).toMatchObject({ outcome: "account.exists", attempts: 2 });
    // As if it had lived to tell that its connection was cut.
    const steps = [
      { step: "apply", startedAt: new Date().toISOString(), ms: 1, code: "target.connection-lost" },
    ] as const;
    await on.estate.db
      .update(schema.attempts)
      .set({ steps: [...steps] })
      .where(and(eq(schema.attempts.operationCode, code), eq(schema.attempts.number, 1)));
    await expect(on.estate.act("cancel", removalCode)).rejects.toMatchObject({ code: "ephemeral.not-cancelable" });
    await endLifetime(on.scene, on.estate, removalCode);
    await isAsked(removalCode);
    expect(await answer(on.scene.ssh, username, "Old-Passw0rd-1x")).toBe("verify.accepted");
    await on.estate.act("cancel", removalCode);
    expect((await on.estate.operation(removalCode)).state).toBe("canceled");
    expect(await readCredential(on.estate, credentialId)).toMatchObject({ active: false, attention: null });
    expect(await answer(on.scene.ssh, username, "Old-Passw0rd-1x")).toBe("verify.accepted");
  });

  it("is removed when a person who was asked says so", async () => {
    const held = await on.startWorker();
    const create = CREATE.replace('exec "passwd', 'sleep 10\nexec "passwd');
    const { code, removalCode, username } = await requestOne(on.scene, on.estate, { create });
    await expect.poll(() => on.scene.entry("passwd", username), { timeout: 60_000 }).toBeDefined();
    await held.kill();
    await on.startWorker();
    expect(await on.estate.until(code)).toMatchObject({ outcome: "account.exists" });
    await endLifetime(on.scene, on.estate, removalCode);
    await isAsked(removalCode);
    expect(await on.scene.entry("passwd", username)).toBeDefined();
    await on.scene.act(on.estate, "run-now", removalCode);
    await on.estate.until(removalCode, ["succeeded"]);
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
  });
});
