/** Requests of jobs and of ephemeral credentials: what is accepted, and what is refused with which words. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { PluginInfo } from "../../api/deps.ts";
import type { Operation } from "../../contracts/operations.schema.ts";
import type { OperationKind } from "../../contracts/states.ts";
import { newId } from "../../db/new-id.ts";
import * as schema from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";

/** A plugin that types lines. */
const LINES: PluginInfo = {
  ...PLAIN_PLUGIN,
  kind: "lines",
  capabilities: {
    ...PLAIN_PLUGIN.capabilities,
    template: "required",
    operations: [
      "group-creation",
      "user-creation",
      "user-deletion",
      "credential-activation",
      "task-manager",
      "ephemeral-credential-creation",
      "ephemeral-credential-removal",
    ],
  },
  language: {
    names: ["lines"],
    form: "lines",
    commands: { exec: { arguments: [1, 1], contexts: ["typed"] } },
  },
};

interface Answered {
  readonly code: string | number;
  readonly detail?: string;
  readonly errors?: { field: string; rule: string; got: string }[];
  readonly credentialId?: string;
  readonly removalCode?: number;
  readonly state?: string;
}

let api: TestApi;
let admin: Ask;
let operator: Ask;
let deviceId: string;
let login: string;
let credentialId: string;
let count = 0;
beforeAll(async () => {
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, LINES] });
  admin = await api.as(["administrator"], "Ada");
  operator = await api.as(["operator"], "Olga");
});
afterAll(() => api.close());
beforeEach(async () => {
  count += 1;
  const made = await makeCredentials(admin, 2, `jobs-${count}`);
  deviceId = made.deviceId;
  [login = "", credentialId = ""] = made.ids;
});

async function addTemplate(kind: OperationKind, body: string, plugin = "lines"): Promise<string> {
  const id = newId();
  await api.db.insert(schema.templates).values({ id, name: id, plugin, kind, activeVersion: 1 });
  await api.db.insert(schema.templateVersions).values({ templateId: id, version: 1, body, author: "Ada" });
  return id;
}

const ask = (body: object, headers: Record<string, string> = {}) =>
  operator<Answered>("POST", "/v1/operations", { body, headers });
const details = async (code: string | number | undefined) =>
  (await operator<Operation>("GET", `/v1/operations/${code}`)).body;

describe("a job", () => {
  test("about no stored credential: its account logs in, the target is what the parameters name", async () => {
    const templateId = await addTemplate("user-deletion", 'exec "userdel [#USERNAME#]"');
    const body = {
      kind: "user-deletion",
      deviceId,
      authenticationCredentialId: login,
      templateId,
      parameters: { username: "o'brien" },
      reason: "left",
    };
    const { status, body: answer } = await ask(body, { "idempotency-key": `job-${count}` });
    expect({ status, answer }).toEqual({
      status: 202,
      answer: { code: expect.any(Number), credentialId: login, state: "scheduled" },
    });
    expect((await ask(body, { "idempotency-key": `job-${count}` })).body).toEqual(answer);
    expect(await details(answer.code)).toMatchObject({
      kind: "user-deletion",
      target: { username: "o'brien", device: `jobs-${count}` },
      templateId,
      parameters: { username: "o'brien" },
      policyId: null,
      requestedBy: "Olga",
      reason: "left",
    });
    // The account that logs in keeps its place: its own change may be requested, and another job, too.
    const change = await operator("POST", "/v1/password-changes", { body: { credentialIds: [login] } });
    expect(change.body).toMatchObject({ refused: [] });
    expect((await ask(body)).status).toBe(202);
    const [audited] = await api.db.execute(sql`select person, action from audit where operation_code = ${answer.code}`);
    expect(audited).toEqual({ person: "Olga", action: "operation.requested" });
  });

  test("about a credential holds its one open place, and may be restarted, canceled and run like others", async () => {
    const templateId = await addTemplate("user-deletion", 'exec "userdel [#USERNAME#]"');
    const body = { kind: "user-deletion", credentialId, templateId };
    const { body: answer } = await ask(body);
    expect(await details(answer.code)).toMatchObject({ credentialId, target: { username: "user1" }, parameters: {} });
    expect(await ask(body)).toMatchObject({ status: 409, body: { code: "credential.change-open" } });
    expect((await operator("POST", `/v1/operations/${answer.code}/cancel`)).status).toBe(200);
    expect((await ask({ ...body, deviceId })).status).toBe(202);
  });

  test("that gives a user a password needs the credential whose it becomes, and another account that logs in", async () => {
    const kind = "user-creation";
    const templateId = await addTemplate(kind, 'exec "useradd [#USERNAME#]"\nexec "[#PASSWORD#]"');
    const common = { kind, templateId };
    const nobody = { ...common, deviceId, authenticationCredentialId: login, parameters: { username: "ann" } };
    expect(await ask(nobody)).toMatchObject({
      status: 422,
      body: { code: "operation.parameters", errors: [{ field: "credentialId", got: "nothing" }] },
    });
    const set = (what: ReturnType<typeof sql>) =>
      api.db.execute(sql`update credentials set ${what} where id = ${credentialId}`);
    await set(sql`use_own_credential = true, authentication_credential_id = null`);
    const own = await ask({ ...common, credentialId });
    expect(own.body).toMatchObject({ code: "credential.no-authenticator", detail: expect.stringContaining("log in") });
    // It has no password before: nobody asks for one.
    await set(sql`use_own_credential = false, authentication_credential_id = ${login}`);
    await api.db.execute(sql`delete from secret_versions where credential_id = ${credentialId}`);
    await set(sql`attention = 'change.unverified', attention_since = now()`);
    expect((await ask({ ...common, credentialId })).body.code).toBe("credential.attention");
    await set(sql`attention = null, attention_since = null`);
    const { status, body } = await ask({ ...common, credentialId });
    expect({ status, body }).toMatchObject({ status: 202, body: { givesPassword: true } });
    const [row] = await api.db.execute(sql`select gives_password from operations where code = ${body.code}`);
    expect(row).toEqual({ gives_password: true });
    await operator("POST", `/v1/operations/${body.code}/cancel`);
    const job = await ask({ kind, credentialId, templateId: await addTemplate(kind, 'exec "useradd [#USERNAME#]"') });
    const [plain] = await api.db.execute(sql`select gives_password from operations where code = ${job.body.code}`);
    expect(plain).toEqual({ gives_password: false });
  });

  test("of an account may be about an inactive credential only where it activates it", async () => {
    await api.db.execute(sql`update credentials set active = false where id = ${credentialId}`);
    const deletion = await addTemplate("user-deletion", 'exec "userdel [#USERNAME#]"');
    const activation = await addTemplate("credential-activation", 'exec "passwd -u [#USERNAME#]"');
    expect((await ask({ kind: "user-deletion", credentialId, templateId: deletion })).body.code).toBe(
      "credential.inactive",
    );
    const body = { kind: "credential-activation", credentialId, templateId: activation };
    await api.db.execute(sql`insert into credentials (id, device_id, plugin, username)
      select ${newId()}, device_id, plugin, username from credentials where id = ${credentialId}`);
    expect(await ask(body)).toMatchObject({ status: 409, body: { code: "request.conflict" } });
    await api.db.execute(sql`update credentials set active = false where device_id = ${deviceId} and id <> ${login}`);
    expect((await ask(body)).status).toBe(202);
  });

  test("waits for an approval where its kind wants one, whatever its credential's policy says", async () => {
    const templateId = await addTemplate("task-manager", 'exec "uptime"');
    const { body } = await ask({ kind: "task-manager", credentialId, templateId });
    expect(body.state).toBe("awaiting-approval");
    expect((await details(body.code)).approval).toMatchObject({ digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const ben = await api.as(["approver"], "Ben");
    expect(await ben("POST", `/v1/operations/${body.code}/approve`)).toMatchObject({ body: { state: "scheduled" } });
  });

  test.each<[string, () => Promise<object>, string]>([
    [
      "a template of another kind",
      async () => ({ templateId: await addTemplate("user-deletion", 'exec "x"') }),
      "operation.template",
    ],
    ["no template", async () => ({ templateId: newId() }), "template.not-found"],
    [
      "a plugin that has no such operations",
      async () => ({ templateId: await addTemplate("group-creation", 'exec "x"', "plain") }),
      "operation.kind-unsupported",
    ],
    [
      "tags that no request has a value for",
      async () => ({ templateId: await addTemplate("group-creation", 'exec "[#APP_NAME#]"') }),
      "operation.template",
    ],
    [
      "an account that is not there",
      async () => ({ authenticationCredentialId: newId() }),
      "credential.no-authenticator",
    ],
    ["a device that is not there", async () => ({ deviceId: newId() }), "request.not-found"],
  ])("is refused for %s", async (_what, change, code) => {
    const templateId = await addTemplate("group-creation", 'exec "groupadd staff"');
    const common = { kind: "group-creation", deviceId, authenticationCredentialId: login, templateId };
    expect((await ask({ ...common, ...(await change()) })).body).toMatchObject({ code });
    expect((await ask(common)).status).toBe(202);
  });

  test("is refused while its template is switched off, its device inactive, or its account without password", async () => {
    const templateId = await addTemplate("group-creation", 'exec "groupadd staff"');
    const body = { kind: "group-creation", deviceId, authenticationCredentialId: login, templateId };
    const refusedWhile = async (change: ReturnType<typeof sql>, back: ReturnType<typeof sql>) => {
      await api.db.execute(change);
      const { code } = (await ask(body)).body;
      await api.db.execute(back);
      return code;
    };
    const template = (value: ReturnType<typeof sql>) => sql`update templates set ${value} where id = ${templateId}`;
    expect(await refusedWhile(template(sql`active = false`), template(sql`active = true`))).toBe("template.not-active");
    expect(await refusedWhile(template(sql`active_version = null`), template(sql`active_version = 1`))).toBe(
      "template.not-active",
    );
    const device = (active: boolean) => sql`update devices set active = ${active} where id = ${deviceId}`;
    expect(await refusedWhile(device(false), device(true))).toBe("device.inactive");
    const password = (status: string) =>
      sql`update secret_versions set status = ${status} where credential_id = ${login}`;
    expect(await refusedWhile(password("previous"), password("current"))).toBe("credential.no-password");
  });

  test("takes exactly the parameters whose tags its template uses, in shapes that no command mistakes", async () => {
    const templateId = await addTemplate("group-creation", 'exec "groupadd [#GRUPO_NOME#]"');
    const common = { kind: "group-creation", deviceId, authenticationCredentialId: login, templateId };
    const missing = await ask(common);
    expect(missing).toMatchObject({
      status: 422,
      body: {
        code: "operation.parameters",
        errors: [{ field: "parameters.group", rule: expect.stringContaining("[#GRUPO_NOME#]"), got: "nothing" }],
      },
    });
    const surplus = await ask({ ...common, parameters: { group: "staff", shell: "/bin/secret-sh" } });
    expect(surplus.body.errors).toMatchObject([{ field: "parameters.shell", got: "text of 14 characters" }]);
    expect(JSON.stringify(surplus.body)).not.toContain("secret-sh");
    for (const group of ["-o", "", " staff", "staff ", "a\nb", "x".repeat(257)])
      expect(await ask({ ...common, parameters: { group } }), JSON.stringify(group)).toMatchObject({ status: 400 });
    expect((await ask({ ...common, parameters: { group: "staff", colour: "red" } })).status).toBe(400);
    expect((await ask({ ...common, parameters: { group: "Domain Users" } })).status).toBe(202);
  });

  test("names one account, by credential or by who logs in", async () => {
    const templateId = await addTemplate("group-creation", 'exec "groupadd staff"');
    const common = { kind: "group-creation", templateId };
    for (const body of [common, { ...common, deviceId, credentialId, authenticationCredentialId: login }])
      expect((await ask(body)).body.errors).toMatchObject([{ rule: expect.stringContaining("exactly one") }]);
    expect((await ask({ ...common, authenticationCredentialId: login })).body.errors).toMatchObject([
      { field: "deviceId" },
    ]);
    const other = await makeCredentials(admin, 1, `other-${count}`);
    expect(await ask({ ...common, credentialId, deviceId: other.deviceId })).toMatchObject({
      body: { code: "credential.not-found" },
    });
  });
});

describe("an ephemeral credential", () => {
  const requestOf = async (ephemeral: object = {}) => ({
    kind: "ephemeral-credential-creation",
    deviceId,
    authenticationCredentialId: login,
    templateId: await addTemplate("ephemeral-credential-creation", 'exec "[#USERNAME#] [#NEW_PASSWORD#]"'),
    ephemeral: {
      lifetimeMinutes: 90,
      username: "guest",
      removalTemplateId: await addTemplate("ephemeral-credential-removal", 'exec "userdel [#USERNAME#]"'),
      ...ephemeral,
    },
  });

  test("is a credential of its own, with its creation and its removal", async () => {
    const { status, body } = await ask(await requestOf());
    expect(status).toBe(202);
    expect(body).toMatchObject({ state: "scheduled", removalCode: Number(body.code) + 1 });
    const { body: credential } = await admin("GET", `/v1/credentials/${body.credentialId}`);
    expect(credential).toMatchObject({
      username: "guest",
      type: "Ephemeral",
      plugin: "lines",
      active: true,
      automaticChange: false,
      useOwnCredential: false,
      authenticationCredentialId: login,
    });
    const [creation, removal] = [await details(body.code), await details(body.removalCode)];
    expect(creation).toMatchObject({ kind: "ephemeral-credential-creation", parameters: { lifetimeMinutes: "90" } });
    expect(removal).toMatchObject({ kind: "ephemeral-credential-removal", state: "scheduled", waitingFor: "time" });
    const lifetime = Date.parse(removal.dueAt) - Date.parse(creation.dueAt);
    expect(Math.abs(lifetime - 90 * 60_000)).toBeLessThan(5000);
    expect((await ask(await requestOf())).body.code).toBe("request.conflict");
  });

  test("may have its name drawn by a pattern", async () => {
    const names = new Set<string>();
    for (let drawn = 0; drawn < 3; drawn += 1) {
      const { body } = await ask(await requestOf({ username: undefined, usernamePattern: "tmp-####" }));
      const { body: credential } = await admin<{ username: string }>("GET", `/v1/credentials/${body.credentialId}`);
      expect(credential.username).toMatch(/^tmp-[a-z0-9]{4}$/);
      names.add(credential.username);
    }
    expect(names.size).toBe(3);
    const wrong = [
      { username: undefined },
      { usernamePattern: "tmp-####" },
      { username: undefined, usernamePattern: "tmp-#" },
      { username: undefined, usernamePattern: "-####" },
      { username: "-guest" },
      { lifetimeMinutes: 0 },
      { surprise: 1 },
    ];
    for (const ephemeral of wrong)
      expect((await ask(await requestOf(ephemeral))).status, JSON.stringify(ephemeral)).toBe(400);
  });

  test("has a removal that nobody cancels, alone or among others", async () => {
    const { body } = await ask(await requestOf());
    expect(await operator("POST", `/v1/operations/${body.removalCode}/cancel`)).toMatchObject({
      status: 409,
      body: { code: "ephemeral.not-cancelable", state: "scheduled" },
    });
    const many = await operator<{ items: { code: number; ok: boolean }[] }>("POST", "/v1/operations/actions", {
      body: { action: "cancel", codes: [body.code, body.removalCode] },
    });
    expect(many.body.items).toMatchObject([{ ok: true }, { ok: false, problem: { code: "ephemeral.not-cancelable" } }]);
  });

  test("makes nothing at all when a part of it is refused", async () => {
    const before = await api.db.execute(sql`select count(*) from credentials`);
    const request = await requestOf({ removalTemplateId: await addTemplate("user-deletion", 'exec "x"') });
    expect((await ask(request)).body).toMatchObject({ code: "operation.template" });
    expect(await api.db.execute(sql`select count(*) from credentials`)).toEqual(before);
    expect((await ask({ ...request, kind: "ephemeral-credential-removal" })).body.code).toBe(
      "operation.kind-unsupported",
    );
  });

  test("that is late to go is told to the monitoring", async () => {
    const { body } = await ask(await requestOf());
    const late = async () =>
      /^keyturn_ephemeral_removals_late (\d+)/m.exec((await operator<string>("GET", "/metrics")).body)?.[1];
    expect(await late()).toBe("0");
    await api.db.execute(sql`update operations set scheduled_for = now() - interval '6 minutes'
      where code = ${body.removalCode}`);
    expect(await late()).toBe("1");
  });
});
