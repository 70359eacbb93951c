/** Operations that run a template of their kind on a real sshd: users, groups, locks; once, and never twice by themselves. */
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import * as schema from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { TestWorker } from "../helpers/worker.ts";
import { jobKills } from "./job-kills.ts";
import { JobScene, typed } from "./jobs-scene.ts";
import { proveAuditTellsTheStory } from "./proof.ts";

jobKills(["after-point"]);

describeAsRoot("jobs", ["openssh-server"], () => {
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

  const active = async (id: string) => {
    const [row] = await estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, id));
    return row?.active;
  };

  it("users and groups are made, joined, parted and deleted by an account that logs in", async () => {
    await startWorker();
    const { deviceId, rootId } = await scene.register(estate);
    const [username, group] = [scene.freshName(), scene.freshName()];
    const common = { deviceId, authenticationCredentialId: rootId };
    const run = async (kind: Parameters<JobScene["addTemplate"]>[1], line: string, parameters: object) => {
      const templateId = await scene.addTemplate(estate, kind, typed(line));
      const code = await scene.request(estate, { kind, templateId, parameters, ...common });
      const row = await estate.until(code);
      expect(row, JSON.stringify(await estate.attempts(code))).toMatchObject({
        state: "succeeded",
        openCredentialId: null,
        loginCredentialId: rootId,
      });
      return code;
    };
    await run("group-creation", "groupadd [#GRUPO_NOME#]", { group });
    expect(await scene.entry("group", group)).toBeDefined();
    const code = await run(
      "user-creation",
      "useradd -m -u [#UID#] -d [#HOME#] -s [#SHELL#] -c op[#OPERACAO_COD#] [#USERNAME#]",
      { username, uid: "61777", home: "/home/else where", shell: "/bin/sh" },
    );
    expect(await scene.entry("passwd", username)).toEqual([
      username,
      "x",
      "61777",
      expect.any(String),
      `op${code}`,
      "/home/else where",
      "/bin/sh",
    ]);
    await run("user-creation-in-group", "usermod -aG [#GRUPO_NOME#] [#USERNAME#]", { username, group });
    expect((await scene.entry("group", group))?.at(-1)).toBe(username);
    await run("user-deletion-in-group", "gpasswd -d [#USERNAME#] [#GRUPO_NOME#]", { username, group });
    expect((await scene.entry("group", group))?.at(-1)).toBe("");
    await run("user-deletion", "userdel -r [#USERNAME#]", { username });
    expect(await scene.entry("passwd", username)).toBeUndefined();
    await run("group-deletion", "groupdel [#GRUPO_NOME#]", { group });
    expect(await scene.entry("group", group)).toBeUndefined();

    const [attempt] = await estate.attempts(code);
    expect(attempt).toMatchObject({ outcome: "job.done", secretVersionId: null, permit: false, templateVersion: 1 });
    expect(attempt?.sentAt).not.toBeNull();
    expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "precheck", "apply"]);
    expect(attempt?.transcript).toContain("useradd");
    await proveAuditTellsTheStory(estate, code, "succeeded");
    const [target] = await estate.db
      .select()
      .from(schema.targetSnapshots)
      .where(eq(schema.targetSnapshots.id, (await estate.operation(code)).targetId));
    expect(target?.username).toBe(username);
    expect(await active(rootId)).toBe(true);
  });

  it("locking, unlocking and deleting an account makes its credential inactive, active, inactive", async () => {
    await startWorker();
    const { deviceId, rootId } = await scene.register(estate);
    const username = scene.freshName();
    await scene.addAccount(username, "First-Passw0rd");
    const credentialId = await estate.addCredential({
      deviceId,
      plugin: "ssh",
      username,
      password: "First-Passw0rd",
      useOwnCredential: false,
      authenticationCredentialId: rootId,
    });
    const run = async (kind: Parameters<JobScene["addTemplate"]>[1], line: string) => {
      const templateId = await scene.addTemplate(estate, kind, typed(line));
      const code = await scene.request(estate, { kind, templateId, credentialId });
      expect((await estate.operation(code)).openCredentialId).toBe(credentialId);
      expect(await estate.until(code), JSON.stringify(await estate.attempts(code))).toMatchObject({
        state: "succeeded",
      });
    };
    await run("credential-inactivation", "passwd -l [#USERNAME#]");
    expect((await scene.entry("shadow", username))?.[1]).toMatch(/^!/);
    expect(await active(credentialId)).toBe(false);
    await expect(
      scene.request(estate, {
        kind: "user-deletion",
        credentialId,
        templateId: await scene.addTemplate(estate, "user-deletion", typed("userdel [#USERNAME#]")),
      }),
    ).rejects.toMatchObject({ code: "credential.inactive" });
    await run("credential-activation", "passwd -u [#USERNAME#]");
    expect((await scene.entry("shadow", username))?.[1]).not.toMatch(/^!/);
    expect(await active(credentialId)).toBe(true);
    await run("user-deletion", "userdel -r [#USERNAME#]");
    expect(await scene.entry("passwd", username)).toBeUndefined();
    expect(await active(credentialId)).toBe(false);
    expect(await estate.currentPassword(credentialId)).toBe("First-Passw0rd");
  });

  it("what failed after something was sent is not done again by itself; a person restarts it", async () => {
    await startWorker();
    const { deviceId, rootId } = await scene.register(estate);
    const group = scene.freshName();
    const templateId = await scene.addTemplate(
      estate,
      "group-creation",
      `set-read-timeout 3\nexpect-regex "/# $/"\nexec "groupadd [#GRUPO_NOME#]"\nexpect "*never said*"\n`,
    );
    const code = await scene.request(estate, {
      kind: "group-creation",
      templateId,
      deviceId,
      authenticationCredentialId: rootId,
      parameters: { group },
    });
    expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "job.unverified" });
    const [attempt, ...others] = await estate.attempts(code);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ outcome: "job.unverified", detail: expect.stringContaining("line 4") });
    expect(await scene.entry("group", group)).toBeDefined();
    const [root] = await estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, rootId));
    expect(root).toMatchObject({ lastFailure: null, automaticNotBefore: null, attention: null });
    await estate.db
      .insert(schema.templateVersions)
      .values({ templateId, version: 2, body: typed("groupdel [#GRUPO_NOME#]"), author: "tester" });
    await estate.db.update(schema.templates).set({ activeVersion: 2 }).where(eq(schema.templates.id, templateId));
    await estate.act("restart", code);
    expect(await estate.until(code, ["succeeded"])).toMatchObject({ run: 2, openCredentialId: null });
    expect(await scene.entry("group", group)).toBeUndefined();
    expect((await estate.attempts(code)).map(({ templateVersion }) => templateVersion)).toEqual([1, 2]);
  });

  it("what failed before anything was sent is tried again as the catalogue says", async () => {
    await startWorker();
    const { deviceId, rootId } = await scene.register(estate, { port: 9 });
    const templateId = await scene.addTemplate(estate, "group-creation", typed("groupadd [#GRUPO_NOME#]"));
    const parameters = { group: scene.freshName() };
    const common = { templateId, deviceId, authenticationCredentialId: rootId, parameters };
    const code = await scene.request(estate, { kind: "group-creation", ...common });
    expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "target.unreachable" });
    expect((await estate.attempts(code)).map(({ outcome, sentAt }) => ({ outcome, sentAt }))).toEqual(
      Array.from({ length: 3 }, () => ({ outcome: "target.unreachable", sentAt: null })),
    );
  });

  it("a task waits for its approval, which binds the template's version and the parameters", async () => {
    const { deviceId, rootId } = await scene.register(estate);
    const file = `/root/${scene.freshName()}`;
    const templateId = await scene.addTemplate(estate, "task-manager", typed(`echo [#CODIGO_GOVERNANCA#] >> ${file}`));
    const code = await scene.request(estate, {
      kind: "task-manager",
      templateId,
      deviceId,
      authenticationCredentialId: rootId,
      parameters: { governanceCode: "CHG-17" },
    });
    expect((await estate.operation(code)).state).toBe("awaiting-approval");
    const parameters = { governanceCode: "something else" };
    const { parameters: before } = await estate.operation(code);
    await estate.db.update(schema.operations).set({ parameters });
    await expect(estate.act("approve", code, "Ben")).rejects.toMatchObject({ code: "approval.changed" });
    await estate.db.update(schema.operations).set({ parameters: before });
    await estate.act("approve", code, "Ben");
    await estate.db
      .insert(schema.templateVersions)
      .values({ templateId, version: 2, body: typed(`echo [#CODIGO_GOVERNANCA#] > ${file}`), author: "tester" });
    await estate.db.update(schema.templates).set({ activeVersion: 2 }).where(eq(schema.templates.id, templateId));
    await startWorker();
    await expect.poll(async () => (await estate.operation(code)).state, { timeout: 120_000 }).toBe("awaiting-approval");
    await scene.act(estate, "approve", code, "Ben");
    expect((await estate.until(code, ["succeeded"])).approvalRound).toBe(2);
    expect((await scene.ssh.run(["cat", file])).stdout).toBe("CHG-17\n");
  });

  it("canceling work that an account only logs in for leaves that account's own change alone", async () => {
    const held = await startWorker("staged");
    const { deviceId, rootId } = await scene.register(estate);
    const username = scene.freshName();
    await scene.addAccount(username, "First-Passw0rd");
    const loginId = await estate.addCredential({ deviceId, plugin: "linux", username, password: "First-Passw0rd" });
    const [change = 0] = await estate.request(loginId);
    await held.reached("staged");
    const templateId = await scene.addTemplate(estate, "user-deletion", typed("userdel [#USERNAME#]"));
    const code = await scene.request(estate, {
      kind: "user-deletion",
      templateId,
      deviceId,
      authenticationCredentialId: loginId,
      parameters: { username: "nobody-there" },
    });
    await expect
      .poll(async () => (await estate.operation(code)).waitingFor, { timeout: 120_000 })
      .toBe("authenticator");
    await estate.act("cancel", code);
    held.go();
    expect((await estate.until(change)).state).toBe("succeeded");
    expect(await active(rootId)).toBe(true);
  });
});
