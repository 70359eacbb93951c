/** Accounts that are made for a time, on a real sshd: whatever dies on the way, none is left behind. */
import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { countLateRemovals } from "../../db/queries/removal.ts";
import * as schema from "../../db/schema/index.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { answer } from "../helpers/ssh.ts";
import { type Asked, CREATE, endLifetime, readCredential, REMOVE, requestOne } from "./ephemeral-scene.ts";
import { jobGround } from "./job-ground.ts";
import { typed } from "./jobs-scene.ts";
import { proveAuditTellsTheStory } from "./proof.ts";

describeAsRoot("ephemeral credentials", ["openssh-server"], () => {
  const on = jobGround();

  const request = (asked?: Asked) => requestOne(on.scene, on.estate, asked);
  const endNow = (removalCode: number) => endLifetime(on.scene, on.estate, removalCode);
  const credential = (id: string) => readCredential(on.estate, id);

  it("is made with a password that logs in, and removed when its time is over, which nobody can cancel", async () => {
    await on.startWorker();
    const { code, credentialId, removalCode, username } = await request({ lifetimeMinutes: 30 });
    const [creation, removal] = [await on.estate.operation(code), await on.estate.operation(removalCode)];
    expect(removal.dueAt.getTime() - creation.dueAt.getTime()).toBeGreaterThan(29 * 60_000);
    expect(removal).toMatchObject({ state: "scheduled", trigger: "ephemeral", openCredentialId: null });
    expect(await on.estate.until(code), JSON.stringify(await on.estate.attempts(code))).toMatchObject({
      state: "succeeded",
    });
    const password = await on.estate.currentPassword(credentialId);
    expect(await answer(on.scene.ssh, username, password)).toBe("verify.accepted");
    expect(await credential(credentialId)).toMatchObject({ active: true, type: "Ephemeral", automaticChange: false });
    await expect(on.estate.act("cancel", removalCode)).rejects.toMatchObject({ code: "ephemeral.not-cancelable" });
    expect((await on.estate.operation(removalCode)).state).toBe("scheduled");

    await endNow(removalCode);
    expect(await on.estate.until(removalCode)).toMatchObject({ state: "succeeded", outcome: null });
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    expect(await credential(credentialId)).toMatchObject({ active: false });
    const [attempt] = await on.estate.attempts(removalCode);
    expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "precheck", "apply", "verify"]);
    for (const one of [...(await on.estate.attempts(code)), ...(await on.estate.attempts(removalCode))])
      expect(one.transcript + one.detail).not.toContain(password);
    await proveAuditTellsTheStory(on.estate, removalCode, "succeeded");
    await expect(on.estate.act("restart", code)).rejects.toMatchObject({ code: "operation.state" });
  });

  it("a removal whose template does not do it is tried again, alarms, and takes the mended template", async () => {
    await on.startWorker();
    const { code, removalCode, removalTemplateId, username } = await request({ remove: typed("true") });
    await on.estate.until(code);
    await endNow(removalCode);
    await expect
      .poll(async () => (await on.estate.attempts(removalCode))[0]?.outcome, { timeout: 120_000 })
      .toBe("ephemeral.not-removed");
    await on.estate.db
      .update(schema.operations)
      .set({ scheduledFor: new Date(Date.now() - 600_000) })
      .where(eq(schema.operations.code, removalCode));
    expect(await countLateRemovals(on.estate.db)).toBe(1);
    // The usual attempts come at once here, the next ones in growing intervals.
    await expect
      .poll(() => on.estate.operation(removalCode), { timeout: 120_000 })
      .toMatchObject({ state: "scheduled", waitingFor: "time", runAttempts: 3 });
    await on.estate.db
      .insert(schema.templateVersions)
      .values({ templateId: removalTemplateId, version: 2, body: REMOVE, author: "tester" });
    await on.estate.db
      .update(schema.templates)
      .set({ activeVersion: 2 })
      .where(eq(schema.templates.id, removalTemplateId));
    await on.scene.act(on.estate, "run-now", removalCode);
    await on.estate.until(removalCode, ["succeeded"]);
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    expect(await countLateRemovals(on.estate.db)).toBe(0);
  });

  it("a removal that lacks its template waits for it and says so, instead of giving up", async () => {
    await on.startWorker();
    const { code, removalCode, removalTemplateId } = await request();
    await on.estate.until(code);
    await on.estate.db
      .update(schema.templates)
      .set({ active: false })
      .where(eq(schema.templates.id, removalTemplateId));
    await endNow(removalCode);
    await expect
      .poll(async () => (await on.estate.operation(removalCode)).outcome, { timeout: 120_000 })
      .toBe("template.not-active");
    expect((await on.estate.operation(removalCode)).state).toBe("scheduled");
    await on.estate.db.update(schema.templates).set({ active: true }).where(eq(schema.templates.id, removalTemplateId));
    await on.scene.act(on.estate, "run-now", removalCode);
    expect(await on.estate.until(removalCode, ["succeeded"])).toMatchObject({ outcome: null });
  });

  it("what has not begun when its time is over is not made any more", async () => {
    const later = new Date(Date.now() + 3_600_000);
    const { code, credentialId, removalCode, username } = await request({ scheduledFor: later });
    await on.startWorker();
    await endNow(removalCode);
    expect(await on.estate.until(removalCode, ["canceled"])).toMatchObject({ outcome: "ephemeral.not-created" });
    expect(await on.estate.operation(code)).toMatchObject({ state: "canceled", outcome: "ephemeral.lifetime-over" });
    expect(await on.estate.attempts(code)).toEqual([]);
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    expect(await credential(credentialId)).toMatchObject({ active: false });
  });

  it("a creation that a person cancels takes its removal with it", async () => {
    const later = new Date(Date.now() + 3_600_000);
    const { code, removalCode } = await request({ scheduledFor: later });
    await on.estate.act("cancel", code);
    expect((await on.estate.operation(removalCode)).dueAt.getTime()).toBeLessThanOrEqual(Date.now());
    await on.startWorker();
    expect(await on.estate.until(removalCode, ["canceled"])).toMatchObject({ outcome: "ephemeral.not-created" });
  });

  it("a removal waits while the creation is under way, and removes what that made", async () => {
    const held = await on.startWorker("applied");
    const { code, removalCode, username } = await request();
    await held.reached("applied");
    await endNow(removalCode);
    await expect
      .poll(async () => (await on.estate.operation(removalCode)).waitingFor, { timeout: 120_000 })
      .toBe("queue");
    expect(await on.estate.attempts(removalCode)).toEqual([]);
    held.go();
    expect((await on.estate.until(code)).state).toBe("succeeded");
    await on.scene.act(on.estate, "run-now", removalCode);
    await on.estate.until(removalCode, ["succeeded"]);
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
  });

  it("what a creation that failed half-way has made is removed; the creation ends with its time", async () => {
    await on.startWorker();
    const made = CREATE.slice(0, CREATE.indexOf('exec "passwd'));
    const create = `${made}set-read-timeout 2\nexpect "*never said*"\n`;
    const { code, credentialId, removalCode, username } = await request({ create });
    await expect
      .poll(async () => (await on.estate.attempts(code))[0]?.outcome, { timeout: 120_000 })
      .toBe("change.not-applied");
    expect(await on.scene.entry("passwd", username)).toBeDefined();
    await endNow(removalCode);
    await on.estate.until(removalCode, ["succeeded"]);
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    expect(["canceled", "error"]).toContain((await on.estate.operation(code)).state);
    expect(await credential(credentialId)).toMatchObject({ active: false, attention: null });
  });

  it("a creation that failed may be restarted within its time only", async () => {
    await on.startWorker();
    const { code, removalCode, credentialId } = await request();
    await on.estate.until(code);
    await on.estate.db
      .update(schema.operations)
      .set({ state: "error", outcome: "target.unreachable" })
      .where(eq(schema.operations.code, code));
    await on.estate.act("restart", code);
    await on.killWorker();
    await on.estate.db
      .update(schema.operations)
      .set({ state: "error", openCredentialId: null, wakeAt: null })
      .where(eq(schema.operations.code, code));
    await on.estate.db
      .update(schema.operations)
      .set({ dueAt: new Date() })
      .where(eq(schema.operations.code, removalCode));
    await expect(on.estate.act("restart", code)).rejects.toMatchObject({ code: "ephemeral.lifetime-over" });
    expect(await credential(credentialId)).toMatchObject({ active: true });
  });
});
