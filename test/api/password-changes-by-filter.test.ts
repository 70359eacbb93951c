/** Changes of all credentials that a filter matches, and other kinds of operation. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChangesAccepted } from "../../contracts/operations.schema.ts";
import { OPERATION_KINDS } from "../../contracts/states.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let operator: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
  operator = await api.as(["operator"], "Olga");
});
afterAll(() => api.close());

const request = (body: object) =>
  operator<ChangesAccepted & { code?: string; errors?: { field: string; rule: string }[] }>(
    "POST",
    "/v1/password-changes",
    { body },
  );

test("all that match are requested; those that cannot be changed are refused one by one", async () => {
  const { deviceId, ids } = await makeCredentials(admin, 4, "filtered");
  await makeCredentials(admin, 2, "elsewhere");
  await api.db.execute(sql`update credentials set active = false where id = ${ids[0]}`);
  const { status, body } = await request({ filter: { deviceId, username: "USER" }, reason: "leak" });
  expect(status).toBe(202);
  expect(body.operations.map(({ credentialId }) => credentialId).toSorted()).toEqual(ids.slice(1).toSorted());
  expect(body.refused).toMatchObject([{ credentialId: ids[0], code: "credential.inactive" }]);
  expect((await request({ filter: { deviceId, changeable: true } })).body).toEqual({ operations: [], refused: [] });
  const listed = await admin<{ items: { id: string }[] }>("GET", "/v1/credentials?changeable=true");
  const changeable = await request({ filter: { changeable: true } });
  expect(changeable.body.operations.map(({ credentialId }) => credentialId).toSorted()).toEqual(
    listed.body.items.map(({ id }) => id).toSorted(),
  );
});

test("either ids or a filter that says something", async () => {
  const { ids } = await makeCredentials(admin, 1, "either");
  for (const body of [{}, { credentialIds: ids, filter: { device: "either" } }])
    expect((await request(body)).body.errors).toMatchObject([{ rule: expect.stringContaining("exactly one") }]);
  expect((await request({ filter: {} })).body.errors).toMatchObject([{ field: "filter" }]);
  expect((await request({ filter: { name: "x" } })).status).toBe(400);
  expect((await request({ filter: { changeable: "true" } })).status).toBe(400);
});

test("a filter that matches more than 10,000 makes nothing", async () => {
  const { deviceId } = await makeCredentials(admin, 0, "wide");
  await api.db.execute(sql`insert into credentials (id, device_id, plugin, username)
    select gen_random_uuid(), ${deviceId}, 'plain', 'wide' || n from generate_series(1, 10001) n`);
  expect(await request({ filter: { device: "wide" } })).toMatchObject({
    status: 422,
    body: { code: "request.too-wide" },
  });
  await api.db.execute(sql`delete from credentials where username = 'wide1'`);
  const { body } = await request({ filter: { device: "wide" } });
  expect(body.refused).toHaveLength(10_000);
});

test("what a person requests settles what was pending since the password was seen or used", async () => {
  const { ids } = await makeCredentials(admin, 2, "pending");
  await api.db.execute(sql`update credentials set viewed_at = now(), session_ended_at = now()`);
  await request({ credentialIds: [ids[0]] });
  const rows = await api.db.execute(sql`select id, viewed_at is not null or session_ended_at is not null as pending
    from credentials where id = any(${sql.param(ids)}::uuid[]) order by id`);
  expect([...rows]).toEqual([
    { id: ids[0], pending: false },
    { id: ids[1], pending: true },
  ]);
});

test("other kinds: those of a password are opened, changes and removals refused by name, the rest wants a template", async () => {
  const { ids } = await makeCredentials(admin, 1, "kinds");
  const ask = (body: object) =>
    operator<{ code: string; state: string }>("POST", "/v1/operations", { body: { credentialId: ids[0], ...body } });
  for (const kind of OPERATION_KINDS.filter((each) => !["verify-password", "reconcile-password"].includes(each)))
    expect(await ask({ kind }), kind).toMatchObject(
      ["change-password", "child-password-change", "ephemeral-credential-removal"].includes(kind)
        ? { status: 422, body: { code: "operation.kind-unsupported" } }
        : { status: 400, body: { code: "request.invalid" } },
    );
  expect((await ask({ kind: "burn" })).status).toBe(400);
  expect((await ask({ kind: "verify-password", surprise: 1 })).status).toBe(400);
  expect(await ask({ kind: "reconcile-password" })).toMatchObject({
    status: 422,
    body: { code: "credential.no-reconciliation" },
  });
  expect(await ask({ kind: "verify-password", scheduledFor: "2099-01-01T00:00:00Z" })).toMatchObject({
    status: 202,
    body: { state: "scheduled", credentialId: ids[0] },
  });
});
