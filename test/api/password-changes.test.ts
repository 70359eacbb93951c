import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ChangesAccepted, Operation } from "../../contracts/operations.schema.ts";
import { newId } from "../../db/new-id.ts";
import { templates } from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  const capabilities = { ...PLAIN_PLUGIN.capabilities, template: "required", otherAccount: false } as const;
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, { ...PLAIN_PLUGIN, kind: "picky", capabilities }] });
  admin = await api.as(["administrator"], "Ada");
});
afterAll(() => api.close());

const request = (credentialIds: readonly (string | undefined)[], more: object = {}, headers = {}) =>
  admin<ChangesAccepted & { code?: string }>("POST", "/v1/password-changes", {
    body: { credentialIds, ...more },
    headers,
  });
const operation = async (code: number | undefined) => (await admin<Operation>("GET", `/v1/operations/${code}`)).body;
const setCredential = (id: string | undefined, change: ReturnType<typeof sql>) =>
  api.db.execute(sql`update credentials set ${change} where id = ${id}`);

describe("requesting changes", () => {
  test("answers with the operations, which are due at once and audited", async () => {
    const { ids } = await makeCredentials(admin, 2, "plain");
    const { status, body } = await request(ids, { reason: "quarterly" });
    expect(status).toBe(202);
    expect(body.refused).toEqual([]);
    expect(body.operations.map(({ credentialId }) => credentialId).toSorted()).toEqual(ids);
    const made = await operation(body.operations[0]?.code);
    expect(made).toMatchObject({
      kind: "change-password",
      state: "scheduled",
      waitingFor: "queue",
      requestedBy: "Ada",
      reason: "quarterly",
      trigger: "request",
      run: 1,
      priority: 2,
      target: { username: "user0", device: "plain", address: "plain.example", site: "default" },
    });
    const audit = await api.db.execute(sql`select actor, person, request_id <> '' as request, object_id, details
      from audit where operation_code = ${made.code}`);
    expect([...audit]).toEqual([
      {
        actor: "Ada's token",
        person: "Ada",
        request: true,
        object_id: String(made.code),
        details: { reason: "quarterly" },
      },
    ]);
  });

  test("a time in the future is kept; one in the past means now", async () => {
    const { ids } = await makeCredentials(admin, 2, "timed");
    const later = await request([ids[0]], { scheduledFor: "2099-01-01T10:00:00+02:00" });
    expect(await operation(later.body.operations[0]?.code)).toMatchObject({
      waitingFor: "time",
      dueAt: "2099-01-01T08:00:00.000Z",
      scheduledFor: "2099-01-01T08:00:00.000Z",
    });
    const past = await request([ids[1]], { scheduledFor: "2001-01-01T00:00:00Z" });
    const made = await operation(past.body.operations[0]?.code);
    expect(made.waitingFor).toBe("queue");
    expect(made.dueAt >= made.requestedAt).toBe(true);
    expect((await request([ids[0]], { scheduledFor: "tomorrow" })).status).toBe(400);
  });

  test("each hindrance is its own code, and one refusal hinders no other", async () => {
    const { deviceId, ids } = await makeCredentials(admin, 12, "hindered");
    const off = await makeCredentials(admin, 1, "switched-off");
    await api.db.execute(sql`update devices set active = false where id = ${off.deviceId}`);
    const unknown = "01900000-0000-7000-8000-00000000abcd";
    await setCredential(ids[0], sql`active = false`);
    await setCredential(ids[1], sql`automatic_change = false`);
    await setCredential(ids[2], sql`plugin = 'nobody'`);
    await setCredential(ids[3], sql`plugin = 'picky'`);
    await setCredential(ids[4], sql`use_own_credential = false`);
    await setCredential(ids[5], sql`use_own_credential = false, authentication_credential_id = ${ids[0]}`);
    await api.db.execute(sql`delete from secret_versions where credential_id = ${ids[6]}`);
    await setCredential(ids[7], sql`attention = 'change.unverified'`);
    const open = await request([ids[8]]);
    const template = newId();
    await api.db.insert(templates).values({ id: template, name: "any", plugin: "picky", kind: "change-password" });
    await setCredential(
      ids[9],
      sql`plugin = 'picky', template_id = ${template}, use_own_credential = false,
      authentication_credential_id = ${ids[11]}`,
    );
    // No password of its own, but another account logs in.
    await setCredential(ids[10], sql`use_own_credential = false, authentication_credential_id = ${ids[11]}`);
    await api.db.execute(sql`delete from secret_versions where credential_id = ${ids[10]}`);
    const { body } = await request([...ids, off.ids[0], unknown, ids[11]]);
    const codes = Object.fromEntries(body.refused.map(({ credentialId, code }) => [credentialId, code]));
    expect(codes).toEqual({
      [ids[0] ?? ""]: "credential.inactive",
      [ids[1] ?? ""]: "credential.not-automatic",
      [ids[2] ?? ""]: "credential.plugin-unknown",
      [ids[3] ?? ""]: "credential.no-template",
      [ids[4] ?? ""]: "credential.no-authenticator",
      [ids[5] ?? ""]: "credential.no-authenticator",
      [ids[6] ?? ""]: "credential.no-password",
      [ids[7] ?? ""]: "credential.attention",
      [ids[8] ?? ""]: "credential.change-open",
      [ids[9] ?? ""]: "credential.no-authenticator",
      [off.ids[0] ?? ""]: "device.inactive",
      [unknown]: "credential.not-found",
    });
    expect(body.operations.map(({ credentialId }) => credentialId).toSorted()).toEqual([ids[10], ids[11]]);
    expect(body.refused.find(({ credentialId }) => credentialId === ids[8])).toMatchObject({
      openCode: open.body.operations[0]?.code,
      detail: expect.stringContaining("already open") as string,
    });
    expect(deviceId).toBeDefined();
  });

  test("the target stays as it was, and the same target is stored once", async () => {
    const { deviceId, ids } = await makeCredentials(admin, 1, "frozen");
    const first = (await request(ids)).body.operations[0];
    await admin("PATCH", `/v1/devices/${deviceId}`, { body: { model: "new" }, headers: { "if-match": '"1"' } });
    await admin("POST", `/v1/operations/${first?.code}/cancel`);
    const second = (await request(ids)).body.operations[0];
    await admin("POST", `/v1/operations/${second?.code}/cancel`);
    await request(ids);
    expect((await operation(first?.code)).target.model).toBe("");
    expect((await operation(second?.code)).target.model).toBe("new");
    const [row] = await api.db.execute(
      sql`select count(*)::int as count from target_snapshots where device = 'frozen'`,
    );
    expect(row).toEqual({ count: 2 });
  });
});

describe("races", () => {
  test("twenty requests for one credential at once make one operation and nineteen refusals that name it", async () => {
    const { ids } = await makeCredentials(admin, 1, "race");
    const answers = await Promise.all(Array.from({ length: 20 }, () => request(ids)));
    const made = answers.flatMap(({ body }) => body.operations);
    const refused = answers.flatMap(({ body }) => body.refused);
    expect(made).toHaveLength(1);
    expect(refused).toHaveLength(19);
    for (const { code, openCode } of refused)
      expect({ code, openCode }).toEqual({ code: "credential.change-open", openCode: made[0]?.code });
  });

  test("overlapping lists in opposite order never wait for each other", async () => {
    const { ids } = await makeCredentials(admin, 30, "overlap");
    const lists = [ids, ids.toReversed(), ids.slice(10), ids.slice(0, 20).toReversed(), ids];
    const answers = await Promise.all(lists.map((list) => request(list)));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    const made = answers.flatMap(({ body }) => body.operations.map(({ credentialId }) => credentialId));
    expect(made.toSorted()).toEqual(ids);
  });
});

describe("Idempotency-Key", () => {
  const key = (name: string) => ({ "idempotency-key": name });

  test("same key and body: same answer, made once; other body: refused", async () => {
    const { ids } = await makeCredentials(admin, 2, "idem");
    const first = await request([ids[0]], {}, key("k1"));
    const again = await request([ids[0]], {}, key("k1"));
    expect(again.body).toEqual(first.body);
    expect(again.headers["idempotency-replayed"]).toBe("true");
    expect(first.headers["idempotency-replayed"]).toBeUndefined();
    expect(await request([ids[1]], {}, key("k1"))).toMatchObject({
      status: 422,
      body: { code: "idempotency.key-reused" },
    });
    const other = await api.as(["operator"], "Olga");
    const theirs = await other<ChangesAccepted>("POST", "/v1/password-changes", {
      body: { credentialIds: [ids[0]] },
      headers: key("k1"),
    });
    expect(theirs.body.refused).toHaveLength(1);
  });

  test("while the first is under way the second is refused, and ends with the same answer", async () => {
    const { ids } = await makeCredentials(admin, 1, "idem-race");
    const answers = await Promise.all(Array.from({ length: 6 }, () => request(ids, {}, key("k2"))));
    const done = answers.filter(({ status }) => status === 202);
    expect(done.length).toBeGreaterThan(0);
    for (const { status, body } of answers)
      if (status !== 202) expect({ status, code: body.code }).toEqual({ status: 409, code: "idempotency.in-flight" });
    for (const { body } of done) expect(body).toEqual(done[0]?.body);
    expect((await request(ids, {}, key("k2"))).body).toEqual(done[0]?.body);
  });

  test("a refused request leaves the key free, and passwords cannot be told from what is stored", async () => {
    const { deviceId } = await makeCredentials(admin, 0, "idem-secret");
    const create = (plugin: string, password: string) =>
      admin<{ id: string; code?: string }>("POST", "/v1/credentials", {
        body: { deviceId, plugin, username: "u", password },
        headers: key("k3"),
      });
    expect((await create("nobody", "secret-one")).status).toBe(422);
    const made = await create("plain", "secret-one");
    expect(made.status).toBe(201);
    expect((await create("plain", "secret-one")).body).toEqual(made.body);
    expect((await create("plain", "secret-two")).body.code).toBe("idempotency.key-reused");
    expect(JSON.stringify(await api.db.execute(sql`select * from idempotency_keys`))).not.toContain("secret-");
  });
});

test("10,000 credentials in one request", async () => {
  const { deviceId } = await makeCredentials(admin, 0, "big");
  await api.db.execute(sql`insert into credentials (id, device_id, plugin, username, automatic_change)
    select gen_random_uuid(), ${deviceId}, 'plain', 'bulk' || n, true from generate_series(1, 10000) n`);
  await api.db.execute(sql`insert into secret_versions (id, credential_id, version, status, sealed, origin)
    select gen_random_uuid(), id, 1, 'current', 'x', 'stored' from credentials where device_id = ${deviceId}`);
  const rows = await api.db.execute<{ id: string }>(sql`select id from credentials where device_id = ${deviceId}`);
  const { status, body } = await request(rows.map(({ id }) => id));
  expect(status).toBe(202);
  expect(body.operations).toHaveLength(10_000);
  expect(new Set(body.operations.map(({ code }) => code)).size).toBe(10_000);
  const [counted] = await api.db.execute(sql`select count(*)::int as operations,
    count(*) filter (where started_run < run and wake_at <= now())::int as startable,
    (select count(*)::int from audit where action = 'operation.requested' and operation_code in
      (select code from operations where device_id = ${deviceId})) as audited
    from operations where device_id = ${deviceId}`);
  expect(counted).toEqual({ operations: 10_000, startable: 10_000, audited: 10_000 });
  expect((await request([...rows.map(({ id }) => id), deviceId])).status).toBe(400);
});
