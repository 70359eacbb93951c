/** Users who are made with a password on a real sshd: it is the credential's, whatever dies on the way. */
import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import * as schema from "../../db/schema/index.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { answer } from "../helpers/ssh.ts";
import { CREATE, endLifetime, readCredential, requestOne } from "./ephemeral-scene.ts";
import { jobGround } from "./job-ground.ts";
import { typed } from "./jobs-scene.ts";
import { proveAuditTellsTheStory } from "./proof.ts";
import { requestUser } from "./user-creation-scene.ts";

describeAsRoot("users who are made with a password", ["openssh-server"], () => {
  const on = jobGround();
  const story = async (code: number) => JSON.stringify(await on.estate.attempts(code));
  const statuses = async (credentialId: string) =>
    (await on.estate.versions(credentialId)).map(({ status }) => status).toSorted();

  async function runTemplate(templateId: string, body: string): Promise<void> {
    await on.estate.db.insert(schema.templateVersions).values({ templateId, version: 2, body, author: "tester" });
    await on.estate.db.update(schema.templates).set({ activeVersion: 2 }).where(eq(schema.templates.id, templateId));
  }

  it("have it as their credential's; made a second time they are left as they are", async () => {
    await on.startWorker();
    const { code, credentialId, username, again } = await requestUser(on.scene, on.estate);
    expect(await on.estate.until(code), await story(code)).toMatchObject({ state: "succeeded", givesPassword: true });
    const password = await on.estate.currentPassword(credentialId);
    expect(await answer(on.scene.ssh, username, password)).toBe("verify.accepted");
    const [attempt] = await on.estate.attempts(code);
    expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "precheck", "apply", "verify"]);
    expect(`${attempt?.transcript}${attempt?.detail}`).not.toContain(password);
    await proveAuditTellsTheStory(on.estate, code, "succeeded");

    const second = await again();
    expect(await on.estate.until(second), await story(second)).toMatchObject({
      outcome: "account.exists",
      attempts: 1,
    });
    expect(await on.estate.currentPassword(credentialId)).toBe(password);
    expect(await answer(on.scene.ssh, username, password)).toBe("verify.accepted");
    expect(await statuses(credentialId)).toEqual(["current", "discarded"]);
  });

  it("are not taken over by a template that does not look whether they are there", async () => {
    await on.startWorker();
    const careless = `set-read-timeout 15
expect-regex "/# $/"
exec "useradd -m [#USERNAME#]"
expect-regex "/# $/"
${CREATE.slice(CREATE.indexOf('exec "passwd'))}`;
    const { code, credentialId, username } = await requestUser(on.scene, on.estate, careless, (name) =>
      on.scene.addAccount(name, "Old-Passw0rd-1x"),
    );
    expect(await on.estate.until(code), await story(code)).toMatchObject({ outcome: "account.exists", attempts: 1 });
    expect(await answer(on.scene.ssh, username, "Old-Passw0rd-1x")).toBe("verify.accepted");
    expect(await statuses(credentialId)).toEqual(["discarded"]);
  });

  it("nor by an ephemeral credential: what was there before is not removed with it", async () => {
    await on.startWorker();
    const { code, removalCode, credentialId, username } = await requestOne(on.scene, on.estate, {
      prepare: (name) => on.scene.addAccount(name, "Old-Passw0rd-1x"),
    });
    expect(await on.estate.until(code), await story(code)).toMatchObject({ outcome: "account.exists", attempts: 1 });
    await endLifetime(on.scene, on.estate, removalCode);
    expect(await on.estate.until(removalCode, ["canceled"])).toMatchObject({ outcome: "ephemeral.not-created" });
    expect(await answer(on.scene.ssh, username, "Old-Passw0rd-1x")).toBe("verify.accepted");
    expect(await readCredential(on.estate, credentialId)).toMatchObject({ active: false });
  });

  it("a worker that dies between account and password: nobody takes the account over unasked", async () => {
    const held = await on.startWorker();
    const slow = CREATE.replace('exec "passwd', 'sleep 10\nexec "passwd');
    const { code, credentialId, username } = await requestUser(on.scene, on.estate, slow);
    await expect.poll(() => on.scene.entry("passwd", username), { timeout: 60_000 }).toBeDefined();
    await held.kill();
    await on.startWorker();
    expect(await on.estate.until(code), await story(code)).toMatchObject({ state: "error", outcome: "account.exists" });
    expect((await on.estate.attempts(code)).map(({ outcome }) => outcome)).toEqual([
      "change.not-applied",
      "account.exists",
    ]);
    expect(await statuses(credentialId)).toEqual(["discarded", "discarded"]);

    // What is told to do then: a change by the account that logs in.
    const templateId = await on.scene.addTemplate(
      on.estate,
      "change-password",
      CREATE.slice(CREATE.indexOf('exec "passwd')),
    );
    await on.estate.db.update(schema.credentials).set({ templateId }).where(eq(schema.credentials.id, credentialId));
    const [change = 0] = await on.estate.request(credentialId);
    expect(await on.estate.until(change), await story(change)).toMatchObject({ state: "succeeded" });
    expect(await answer(on.scene.ssh, username, await on.estate.currentPassword(credentialId))).toBe("verify.accepted");
  });

  it("a template that was edited since is not run: neither without the password that was asked for, nor with one that was not", async () => {
    const { code, credentialId, templateId, username } = await requestUser(on.scene, on.estate);
    await runTemplate(templateId, typed("useradd [#USERNAME#]"));
    const { deviceId, rootId } = await on.scene.register(on.estate);
    const jobTemplate = await on.scene.addTemplate(on.estate, "user-creation", typed("useradd [#USERNAME#]"));
    const name = on.scene.freshName();
    const job = await on.scene.request(on.estate, {
      kind: "user-creation",
      templateId: jobTemplate,
      deviceId,
      authenticationCredentialId: rootId,
      parameters: { username: name },
    });
    await runTemplate(jobTemplate, CREATE);
    await on.startWorker();
    expect(await on.estate.until(code)).toMatchObject({ state: "error", outcome: "operation.template", attempts: 0 });
    expect(await on.estate.until(job)).toMatchObject({ state: "error", outcome: "operation.template" });
    expect((await on.estate.attempts(job)).map(({ sentAt }) => sentAt)).toEqual([null]);
    for (const one of [username, name]) expect(await on.scene.entry("passwd", one)).toBeUndefined();
    expect(await statuses(credentialId)).toEqual([]);
  });
});
