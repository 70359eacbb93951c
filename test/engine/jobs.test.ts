/** Operations that run a template of their kind on a real sshd: users, groups, locks; once, and never twice by themselves. */
import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import * as schema from "../../db/schema/index.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { jobKills } from "./job-kills.ts";
import { jobGround } from "./job-ground.ts";
import { type JobScene, typed } from "./jobs-scene.ts";
import { proveAuditTellsTheStory } from "./proof.ts";

jobKills(["after-point"]);

describeAsRoot("jobs", ["openssh-server"], () => {
  const on = jobGround();

  const active = async (id: string) => {
    const [row] = await on.estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, id));
    return row?.active;
  };

  it("users and groups are made, joined, parted and deleted by an account that logs in", async () => {
    await on.startWorker();
    const { deviceId, rootId } = await on.scene.register(on.estate);
    const [username, group] = [on.scene.freshName(), on.scene.freshName()];
    const common = { deviceId, authenticationCredentialId: rootId };
    const run = async (kind: Parameters<JobScene["addTemplate"]>[1], line: string, parameters: object) => {
      const templateId = await on.scene.addTemplate(on.estate, kind, typed(line));
      const code = await on.scene.request(on.estate, { kind, templateId, parameters, ...common });
      const row = await on.estate.until(code);
      expect(row, JSON.stringify(await on.estate.attempts(code))).toMatchObject({
        state: "succeeded",
        openCredentialId: null,
        loginCredentialId: rootId,
      });
      return code;
    };
    await run("group-creation", "groupadd [#GRUPO_NOME#]", { group });
    expect(await on.scene.entry("group", group)).toBeDefined();
    const code = await run(
      "user-creation",
      "useradd -m -u [#UID#] -d [#HOME#] -s [#SHELL#] -c op[#OPERACAO_COD#] [#USERNAME#]",
      { username, uid: "61777", home: "/home/else where", shell: "/bin/sh" },
    );
    expect(await on.scene.entry("passwd", username)).toEqual([
      username,
      "x",
      "61777",
      expect.any(String),
      `op${code}`,
      "/home/else where",
      "/bin/sh",
    ]);
    await run("user-creation-in-group", "usermod -aG [#GRUPO_NOME#] [#USERNAME#]", { username, group });
    expect((await on.scene.entry("group", group))?.at(-1)).toBe(username);
    await run("user-deletion-in-group", "gpasswd -d [#USERNAME#] [#GRUPO_NOME#]", { username, group });
    expect((await on.scene.entry("group", group))?.at(-1)).toBe("");
    await run("user-deletion", "userdel -r [#USERNAME#]", { username });
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    await run("group-deletion", "groupdel [#GRUPO_NOME#]", { group });
    expect(await on.scene.entry("group", group)).toBeUndefined();

    const [attempt] = await on.estate.attempts(code);
    expect(attempt).toMatchObject({ outcome: "job.done", secretVersionId: null, permit: false, templateVersion: 1 });
    expect(attempt?.sentAt).not.toBeNull();
    expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "precheck", "apply"]);
    expect(attempt?.transcript).toContain("useradd");
    await proveAuditTellsTheStory(on.estate, code, "succeeded");
    const [target] = await on.estate.db
      .select()
      .from(schema.targetSnapshots)
      .where(eq(schema.targetSnapshots.id, (await on.estate.operation(code)).targetId));
    expect(target?.username).toBe(username);
    expect(await active(rootId)).toBe(true);
  });

  it("locking, unlocking and deleting an account makes its credential inactive, active, inactive", async () => {
    await on.startWorker();
    const { deviceId, rootId } = await on.scene.register(on.estate);
    const username = on.scene.freshName();
    await on.scene.addAccount(username, "First-Passw0rd");
    const credentialId = await on.estate.addCredential({
      deviceId,
      plugin: "ssh",
      username,
      password: "First-Passw0rd",
      useOwnCredential: false,
      authenticationCredentialId: rootId,
    });
    const run = async (kind: Parameters<JobScene["addTemplate"]>[1], line: string) => {
      const templateId = await on.scene.addTemplate(on.estate, kind, typed(line));
      const code = await on.scene.request(on.estate, { kind, templateId, credentialId });
      expect((await on.estate.operation(code)).openCredentialId).toBe(credentialId);
      expect(await on.estate.until(code), JSON.stringify(await on.estate.attempts(code))).toMatchObject({
        state: "succeeded",
      });
    };
    await run("credential-inactivation", "passwd -l [#USERNAME#]");
    expect((await on.scene.entry("shadow", username))?.[1]).toMatch(/^!/);
    expect(await active(credentialId)).toBe(false);
    await expect(
      on.scene.request(on.estate, {
        kind: "user-deletion",
        credentialId,
        templateId: await on.scene.addTemplate(on.estate, "user-deletion", typed("userdel [#USERNAME#]")),
      }),
    ).rejects.toMatchObject({ code: "credential.inactive" });
    await run("credential-activation", "passwd -u [#USERNAME#]");
    expect((await on.scene.entry("shadow", username))?.[1]).not.toMatch(/^!/);
    expect(await active(credentialId)).toBe(true);
    await run("user-deletion", "userdel -r [#USERNAME#]");
    expect(await on.scene.entry("passwd", username)).toBeUndefined();
    expect(await active(credentialId)).toBe(false);
    expect(await on.estate.currentPassword(credentialId)).toBe("First-Passw0rd");
  });

  it("what failed after something was sent is not done again by itself; a person restarts it", async () => {
    await on.startWorker();
    const { deviceId, rootId } = await on.scene.register(on.estate);
    const group = on.scene.freshName();
    const templateId = await on.scene.addTemplate(
      on.estate,
      "group-creation",
      `set-read-timeout 15\nexpect-regex "/# $/"\nexec "groupadd [#GRUPO_NOME#]"\nset-read-timeout 3\nexpect "*never said*"\n`,
    );
    const code = await on.scene.request(on.estate, {
      kind: "group-creation",
      templateId,
      deviceId,
      authenticationCredentialId: rootId,
      parameters: { group },
    });
    expect(await on.estate.until(code)).toMatchObject({ state: "error", outcome: "job.unverified" });
    const [attempt, ...others] = await on.estate.attempts(code);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ outcome: "job.unverified", detail: expect.stringContaining("line 5") });
    expect(await on.scene.entry("group", group)).toBeDefined();
    const [root] = await on.estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, rootId));
    expect(root).toMatchObject({ lastFailure: null, automaticNotBefore: null, attention: null });
    await on.estate.db
      .insert(schema.templateVersions)
      .values({ templateId, version: 2, body: typed("groupdel [#GRUPO_NOME#]"), author: "tester" });
    await on.estate.db.update(schema.templates).set({ activeVersion: 2 }).where(eq(schema.templates.id, templateId));
    await on.estate.act("restart", code);
    expect(await on.estate.until(code, ["succeeded"])).toMatchObject({ run: 2, openCredentialId: null });
    expect(await on.scene.entry("group", group)).toBeUndefined();
    expect((await on.estate.attempts(code)).map(({ templateVersion }) => templateVersion)).toEqual([1, 2]);
  });

  it("what failed before anything was sent is tried again as the catalogue says", async () => {
    await on.startWorker();
    const { deviceId, rootId } = await on.scene.register(on.estate, { port: 9 });
    const templateId = await on.scene.addTemplate(on.estate, "group-creation", typed("groupadd [#GRUPO_NOME#]"));
    const parameters = { group: on.scene.freshName() };
    const common = { templateId, deviceId, authenticationCredentialId: rootId, parameters };
    const code = await on.scene.request(on.estate, { kind: "group-creation", ...common });
    expect(await on.estate.until(code)).toMatchObject({ state: "error", outcome: "target.unreachable" });
    expect((await on.estate.attempts(code)).map(({ outcome, sentAt }) => ({ outcome, sentAt }))).toEqual(
      Array.from({ length: 3 }, () => ({ outcome: "target.unreachable", sentAt: null })),
    );
  });

  it("a task waits for its approval, which binds the template's version and the parameters", async () => {
    const { deviceId, rootId } = await on.scene.register(on.estate);
    const file = `/root/${on.scene.freshName()}`;
    const templateId = await on.scene.addTemplate(
      on.estate,
      "task-manager",
      typed(`echo [#CODIGO_GOVERNANCA#] >> ${file}`),
    );
    const code = await on.scene.request(on.estate, {
      kind: "task-manager",
      templateId,
      deviceId,
      authenticationCredentialId: rootId,
      parameters: { governanceCode: "CHG-17" },
    });
    expect((await on.estate.operation(code)).state).toBe("awaiting-approval");
    const parameters = { governanceCode: "something else" };
    const { parameters: before } = await on.estate.operation(code);
    await on.estate.db.update(schema.operations).set({ parameters });
    await expect(on.estate.act("approve", code, "Ben")).rejects.toMatchObject({ code: "approval.changed" });
    await on.estate.db.update(schema.operations).set({ parameters: before });
    await on.estate.act("approve", code, "Ben");
    await on.estate.db
      .insert(schema.templateVersions)
      .values({ templateId, version: 2, body: typed(`echo [#CODIGO_GOVERNANCA#] > ${file}`), author: "tester" });
    await on.estate.db.update(schema.templates).set({ activeVersion: 2 }).where(eq(schema.templates.id, templateId));
    await on.startWorker();
    await expect
      .poll(async () => (await on.estate.operation(code)).state, { timeout: 120_000 })
      .toBe("awaiting-approval");
    await on.scene.act(on.estate, "approve", code, "Ben");
    expect((await on.estate.until(code, ["succeeded"])).approvalRound).toBe(2);
    expect((await on.scene.ssh.run(["cat", file])).stdout).toBe("CHG-17\n");
  });

  it("canceling work that an account only logs in for leaves that account's own change alone", async () => {
    const held = await on.startWorker("staged");
    const { deviceId, rootId } = await on.scene.register(on.estate);
    const username = on.scene.freshName();
    await on.scene.addAccount(username, "First-Passw0rd");
    const loginId = await on.estate.addCredential({ deviceId, plugin: "linux", username, password: "First-Passw0rd" });
    const [change = 0] = await on.estate.request(loginId);
    await held.reached("staged");
    const templateId = await on.scene.addTemplate(on.estate, "user-deletion", typed("userdel [#USERNAME#]"));
    const code = await on.scene.request(on.estate, {
      kind: "user-deletion",
      templateId,
      deviceId,
      authenticationCredentialId: loginId,
      parameters: { username: "nobody-there" },
    });
    await expect
      .poll(async () => (await on.estate.operation(code)).waitingFor, { timeout: 120_000 })
      .toBe("authenticator");
    await on.estate.act("cancel", code);
    held.go();
    expect((await on.estate.until(change)).state).toBe("succeeded");
    expect(await active(rootId)).toBe(true);
  });
});
