/** Accounts that are made for a time, on a real sshd: whatever dies on the way, none is left behind. */
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { countLateRemovals } from "../../db/queries/removal.ts";
import * as schema from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { answer } from "../helpers/ssh.ts";
import { TestWorker } from "../helpers/worker.ts";
import { type Asked, CREATE, endLifetime, readCredential, REMOVE, requestOne } from "./ephemeral-scene.ts";
import { JobScene, typed } from "./jobs-scene.ts";
import { proveAuditTellsTheStory } from "./proof.ts";

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

  const request = (asked?: Asked) => requestOne(scene, estate, asked);
  const endNow = (removalCode: number) => endLifetime(scene, estate, removalCode);
  const credential = (id: string) => readCredential(estate, id);

  it("is made with a password that logs in, and removed when its time is over, which nobody can cancel", async () => {
    await startWorker();
    const { code, credentialId, removalCode, username } = await request({ lifetimeMinutes: 30 });
    const [creation, removal] = [await estate.operation(code), await estate.operation(removalCode)];
    expect(removal.dueAt.getTime() - creation.dueAt.getTime()).toBeGreaterThan(29 * 60_000);
    expect(removal).toMatchObject({ state: "scheduled", trigger: "ephemeral", openCredentialId: null });
    expect(await estate.until(code), JSON.stringify(await estate.attempts(code))).toMatchObject({ state: "succeeded" });
    const password = await estate.currentPassword(credentialId);
    expect(await answer(scene.ssh, username, password)).toBe("verify.accepted");
    expect(await credential(credentialId)).toMatchObject({ active: true, type: "Ephemeral", automaticChange: false });
    await expect(estate.act("cancel", removalCode)).rejects.toMatchObject({ code: "ephemeral.not-cancelable" });
    expect((await estate.operation(removalCode)).state).toBe("scheduled");

    await endNow(removalCode);
    expect(await estate.until(removalCode)).toMatchObject({ state: "succeeded", outcome: null });
    expect(await scene.entry("passwd", username)).toBeUndefined();
    expect(await credential(credentialId)).toMatchObject({ active: false });
    const [attempt] = await estate.attempts(removalCode);
    expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "precheck", "apply", "verify"]);
    for (const one of [...(await estate.attempts(code)), ...(await estate.attempts(removalCode))])
      expect(one.transcript + one.detail).not.toContain(password);
    await proveAuditTellsTheStory(estate, removalCode, "succeeded");
    await expect(estate.act("restart", code)).rejects.toMatchObject({ code: "operation.state" });
  });

  it("a removal whose template does not do it is tried again, alarms, and takes the mended template", async () => {
    await startWorker();
    const { code, removalCode, removalTemplateId, username } = await request({ remove: typed("true") });
    await estate.until(code);
    await endNow(removalCode);
    await expect
      .poll(async () => (await estate.attempts(removalCode))[0]?.outcome, { timeout: 120_000 })
      .toBe("ephemeral.not-removed");
    await estate.db
      .update(schema.operations)
      .set({ scheduledFor: new Date(Date.now() - 600_000) })
      .where(eq(schema.operations.code, removalCode));
    expect(await countLateRemovals(estate.db)).toBe(1);
    // The usual attempts come at once here, the next ones in growing intervals.
    await expect
      .poll(() => estate.operation(removalCode), { timeout: 120_000 })
      .toMatchObject({ state: "scheduled", waitingFor: "time", runAttempts: 3 });
    await estate.db
      .insert(schema.templateVersions)
      .values({ templateId: removalTemplateId, version: 2, body: REMOVE, author: "tester" });
    await estate.db
      .update(schema.templates)
      .set({ activeVersion: 2 })
      .where(eq(schema.templates.id, removalTemplateId));
    await scene.act(estate, "run-now", removalCode);
    await estate.until(removalCode, ["succeeded"]);
    expect(await scene.entry("passwd", username)).toBeUndefined();
    expect(await countLateRemovals(estate.db)).toBe(0);
  });

  it("a removal that lacks its template waits for it and says so, instead of giving up", async () => {
    await startWorker();
    const { code, removalCode, removalTemplateId } = await request();
    await estate.until(code);
    await estate.db.update(schema.templates).set({ active: false }).where(eq(schema.templates.id, removalTemplateId));
    await endNow(removalCode);
    await expect
      .poll(async () => (await estate.operation(removalCode)).outcome, { timeout: 120_000 })
      .toBe("template.not-active");
    expect((await estate.operation(removalCode)).state).toBe("scheduled");
    await estate.db.update(schema.templates).set({ active: true }).where(eq(schema.templates.id, removalTemplateId));
    await scene.act(estate, "run-now", removalCode);
    expect(await estate.until(removalCode, ["succeeded"])).toMatchObject({ outcome: null });
  });

  it("what has not begun when its time is over is not made any more", async () => {
    const later = new Date(Date.now() + 3_600_000);
    const { code, credentialId, removalCode, username } = await request({ scheduledFor: later });
    await startWorker();
    await endNow(removalCode);
    expect(await estate.until(removalCode, ["canceled"])).toMatchObject({ outcome: "ephemeral.not-created" });
    expect(await estate.operation(code)).toMatchObject({ state: "canceled", outcome: "ephemeral.lifetime-over" });
    expect(await estate.attempts(code)).toEqual([]);
    expect(await scene.entry("passwd", username)).toBeUndefined();
    expect(await credential(credentialId)).toMatchObject({ active: false });
  });

  it("a creation that a person cancels takes its removal with it", async () => {
    const later = new Date(Date.now() + 3_600_000);
    const { code, removalCode } = await request({ scheduledFor: later });
    await estate.act("cancel", code);
    expect((await estate.operation(removalCode)).dueAt.getTime()).toBeLessThanOrEqual(Date.now());
    await startWorker();
    expect(await estate.until(removalCode, ["canceled"])).toMatchObject({ outcome: "ephemeral.not-created" });
  });

  it("a removal waits while the creation is under way, and removes what that made", async () => {
    const held = await startWorker("applied");
    const { code, removalCode, username } = await request();
    await held.reached("applied");
    await endNow(removalCode);
    await expect.poll(async () => (await estate.operation(removalCode)).waitingFor, { timeout: 120_000 }).toBe("queue");
    expect(await estate.attempts(removalCode)).toEqual([]);
    held.go();
    expect((await estate.until(code)).state).toBe("succeeded");
    await scene.act(estate, "run-now", removalCode);
    await estate.until(removalCode, ["succeeded"]);
    expect(await scene.entry("passwd", username)).toBeUndefined();
  });

  it("what a creation that failed half-way has made is removed; the creation ends with its time", async () => {
    await startWorker();
    const half = `${CREATE.slice(0, CREATE.indexOf('exec "passwd'))}expect "*never said*"\n`;
    const { code, credentialId, removalCode, username } = await request({ create: half.replace("15", "2") });
    await expect
      .poll(async () => (await estate.attempts(code))[0]?.outcome, { timeout: 120_000 })
      .toBe("change.not-applied");
    expect(await scene.entry("passwd", username)).toBeDefined();
    await endNow(removalCode);
    await estate.until(removalCode, ["succeeded"]);
    expect(await scene.entry("passwd", username)).toBeUndefined();
    expect(["canceled", "error"]).toContain((await estate.operation(code)).state);
    expect(await credential(credentialId)).toMatchObject({ active: false, attention: null });
  });

  it("a creation that failed may be restarted within its time only", async () => {
    await startWorker();
    const { code, removalCode, credentialId } = await request();
    await estate.until(code);
    await estate.db
      .update(schema.operations)
      .set({ state: "error", outcome: "target.unreachable" })
      .where(eq(schema.operations.code, code));
    await estate.act("restart", code);
    await worker?.kill();
    await estate.db
      .update(schema.operations)
      .set({ state: "error", openCredentialId: null, wakeAt: null })
      .where(eq(schema.operations.code, code));
    await estate.db.update(schema.operations).set({ dueAt: new Date() }).where(eq(schema.operations.code, removalCode));
    await expect(estate.act("restart", code)).rejects.toMatchObject({ code: "ephemeral.lifetime-over" });
    expect(await credential(credentialId)).toMatchObject({ active: true });
  });
});
