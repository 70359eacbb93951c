/** Users who are made with a password on a real sshd: it is the credential's, whatever dies on the way. */
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import * as schema from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { answer } from "../helpers/ssh.ts";
import { TestWorker } from "../helpers/worker.ts";
import { CREATE, endLifetime, readCredential, requestOne } from "./ephemeral-scene.ts";
import { JobScene, typed } from "./jobs-scene.ts";
import { proveAuditTellsTheStory } from "./proof.ts";
import { requestUser } from "./user-creation-scene.ts";

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

  const startWorker = async (...moments: Parameters<typeof TestWorker.start>[1] & {}) =>
    (worker = await TestWorker.start(estate.surroundings, moments));
  const story = async (code: number) => JSON.stringify(await estate.attempts(code));
  const statuses = async (credentialId: string) =>
    (await estate.versions(credentialId)).map(({ status }) => status).toSorted();

  async function runTemplate(templateId: string, body: string): Promise<void> {
    await estate.db.insert(schema.templateVersions).values({ templateId, version: 2, body, author: "tester" });
    await estate.db.update(schema.templates).set({ activeVersion: 2 }).where(eq(schema.templates.id, templateId));
  }

  it("have it as their credential's; made a second time they are left as they are", async () => {
    await startWorker();
    const { code, credentialId, username, again } = await requestUser(scene, estate);
    expect(await estate.until(code), await story(code)).toMatchObject({ state: "succeeded", givesPassword: true });
    const password = await estate.currentPassword(credentialId);
    expect(await answer(scene.ssh, username, password)).toBe("verify.accepted");
    const [attempt] = await estate.attempts(code);
    expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "precheck", "apply", "verify"]);
    expect(`${attempt?.transcript}${attempt?.detail}`).not.toContain(password);
    await proveAuditTellsTheStory(estate, code, "succeeded");

    const second = await again();
    expect(await estate.until(second), await story(second)).toMatchObject({ outcome: "account.exists", attempts: 1 });
    expect(await estate.currentPassword(credentialId)).toBe(password);
    expect(await answer(scene.ssh, username, password)).toBe("verify.accepted");
    expect(await statuses(credentialId)).toEqual(["current", "discarded"]);
  });

  it("are not taken over by a template that does not look whether they are there", async () => {
    await startWorker();
    const careless = `set-read-timeout 15
expect-regex "/# $/"
exec "useradd -m [#USERNAME#]"
expect-regex "/# $/"
${CREATE.slice(CREATE.indexOf('exec "passwd'))}`;
    const { code, credentialId, username } = await requestUser(scene, estate, careless, (name) =>
      scene.addAccount(name, "Old-Passw0rd-1x"),
    );
    expect(await estate.until(code), await story(code)).toMatchObject({ outcome: "account.exists", attempts: 1 });
    expect(await answer(scene.ssh, username, "Old-Passw0rd-1x")).toBe("verify.accepted");
    expect(await statuses(credentialId)).toEqual(["discarded"]);
  });

  it("nor by an ephemeral credential: what was there before is not removed with it", async () => {
    await startWorker();
    const { code, removalCode, credentialId, username } = await requestOne(scene, estate, {
      prepare: (name) => scene.addAccount(name, "Old-Passw0rd-1x"),
    });
    expect(await estate.until(code), await story(code)).toMatchObject({ outcome: "account.exists", attempts: 1 });
    await endLifetime(scene, estate, removalCode);
    expect(await estate.until(removalCode, ["canceled"])).toMatchObject({ outcome: "ephemeral.not-created" });
    expect(await answer(scene.ssh, username, "Old-Passw0rd-1x")).toBe("verify.accepted");
    expect(await readCredential(estate, credentialId)).toMatchObject({ active: false });
  });

  it("a worker that dies between account and password: nobody takes the account over unasked", async () => {
    const held = await startWorker();
    const slow = CREATE.replace('exec "passwd', 'sleep 10\nexec "passwd');
    const { code, credentialId, username } = await requestUser(scene, estate, slow);
    await expect.poll(() => scene.entry("passwd", username), { timeout: 60_000 }).toBeDefined();
    await held.kill();
    await startWorker();
    expect(await estate.until(code), await story(code)).toMatchObject({ state: "error", outcome: "account.exists" });
    expect((await estate.attempts(code)).map(({ outcome }) => outcome)).toEqual([
      "change.not-applied",
      "account.exists",
    ]);
    expect(await statuses(credentialId)).toEqual(["discarded", "discarded"]);

    // What is told to do then: a change by the account that logs in.
    const templateId = await scene.addTemplate(estate, "change-password", CREATE.slice(CREATE.indexOf('exec "passwd')));
    await estate.db.update(schema.credentials).set({ templateId }).where(eq(schema.credentials.id, credentialId));
    const [change = 0] = await estate.request(credentialId);
    expect(await estate.until(change), await story(change)).toMatchObject({ state: "succeeded" });
    expect(await answer(scene.ssh, username, await estate.currentPassword(credentialId))).toBe("verify.accepted");
  });

  it("a template that was edited since is not run: neither without the password that was asked for, nor with one that was not", async () => {
    const { code, credentialId, templateId, username } = await requestUser(scene, estate);
    await runTemplate(templateId, typed("useradd [#USERNAME#]"));
    const { deviceId, rootId } = await scene.register(estate);
    const jobTemplate = await scene.addTemplate(estate, "user-creation", typed("useradd [#USERNAME#]"));
    const name = scene.freshName();
    const job = await scene.request(estate, {
      kind: "user-creation",
      templateId: jobTemplate,
      deviceId,
      authenticationCredentialId: rootId,
      parameters: { username: name },
    });
    await runTemplate(jobTemplate, CREATE);
    await startWorker();
    expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "operation.template", attempts: 0 });
    expect(await estate.until(job)).toMatchObject({ state: "error", outcome: "operation.template" });
    expect((await estate.attempts(job)).map(({ sentAt }) => sentAt)).toEqual([null]);
    for (const one of [username, name]) expect(await scene.entry("passwd", one)).toBeUndefined();
    expect(await statuses(credentialId)).toEqual([]);
  });
});
