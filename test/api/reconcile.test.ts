import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Credential } from "../../contracts/credentials.schema.ts";
import { credentials, operations } from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";

const OWN_ONLY = {
  ...PLAIN_PLUGIN,
  kind: "own-only",
  capabilities: { ...PLAIN_PLUGIN.capabilities, otherAccount: false },
};
const WITH_TEMPLATE = {
  ...PLAIN_PLUGIN,
  kind: "with-template",
  capabilities: { ...PLAIN_PLUGIN.capabilities, template: "required" as const },
};

let api: TestApi;
let admin: Ask;
let operator: Ask;
beforeAll(async () => {
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, OWN_ONLY, WITH_TEMPLATE] });
  admin = await api.as(["administrator"]);
  operator = await api.as(["operator"], "Grace");
});
afterAll(() => api.close());

let made = 0;
/** An account and the one that may reconcile it. */
async function makePair() {
  const { deviceId, ids } = await makeCredentials(admin, 2, `pair${(made += 1)}`);
  const [id = "", reconcilerId = ""] = ids;
  return { deviceId, id, reconcilerId };
}

async function edit(id: string, body: object) {
  const { body: before } = await admin<Credential>("GET", `/v1/credentials/${id}`);
  const headers = { "if-match": `"${before.revision}"` };
  return admin<Credential & { code: string; detail: string }>("PATCH", `/v1/credentials/${id}`, { body, headers });
}

const reconcile = (id: string, body: object = { reason: "locked out" }) =>
  operator<{ code: unknown; openCode?: number }>("POST", `/v1/credentials/${id}/reconcile`, { body });

describe("the settings of a reconciliation", () => {
  test("are saved with a credential, shown, and edited field by field", async () => {
    const { deviceId, reconcilerId } = await makePair();
    const { status, body } = await admin<Credential>("POST", "/v1/credentials", {
      body: {
        deviceId,
        plugin: "plain",
        username: "third",
        childValue: "own",
        reconciliation: { enabled: true, credentialId: reconcilerId },
      },
    });
    expect(status).toBe(201);
    expect(body.childValue).toBe("own");
    const saved = { enabled: true, autorun: false, credentialId: reconcilerId, plugin: null, templateId: null };
    expect(body.reconciliation).toEqual(saved);
    expect((await edit(body.id, { reconciliation: { autorun: true } })).body.reconciliation).toEqual({
      ...saved,
      autorun: true,
    });
    expect((await edit(body.id, { notes: "else" })).body.reconciliation).toEqual({ ...saved, autorun: true });
    expect((await edit(body.id, { reconciliation: { enabled: false, credentialId: null } })).status).toBe(200);
  });

  test.each<[string, (pair: Awaited<ReturnType<typeof makePair>>) => object, string]>([
    ["no account", () => ({ enabled: true }), "credential.no-reconciliation"],
    ["itself", ({ id }) => ({ enabled: true, credentialId: id }), "credential.no-reconciliation"],
    [
      "a plugin that is not registered",
      ({ reconcilerId }) => ({ enabled: true, credentialId: reconcilerId, plugin: "nobody" }),
      "credential.plugin-unknown",
    ],
    [
      "a plugin that cannot work with another account",
      ({ reconcilerId }) => ({ enabled: true, credentialId: reconcilerId, plugin: "own-only" }),
      "credential.no-reconciliation",
    ],
    [
      "no template where the plugin needs one",
      ({ reconcilerId }) => ({ enabled: true, credentialId: reconcilerId, plugin: "with-template" }),
      "credential.no-template",
    ],
  ])("are refused with %s", async (_, reconciliation, code) => {
    const pair = await makePair();
    expect(await edit(pair.id, { reconciliation: reconciliation(pair) })).toMatchObject({
      status: 422,
      body: { code },
    });
    const { body } = await admin<Credential>("GET", `/v1/credentials/${pair.id}`);
    expect(body.reconciliation).toMatchObject({ enabled: false, credentialId: null });
  });

  test("are refused with an inactive account, and when another plugin no longer fits them", async () => {
    const { id, reconcilerId } = await makePair();
    await edit(reconcilerId, { active: false });
    const settings = { reconciliation: { enabled: true, credentialId: reconcilerId } };
    expect((await edit(id, settings)).body).toMatchObject({ code: "credential.no-reconciliation" });
    await edit(reconcilerId, { active: true });
    expect((await edit(id, settings)).status).toBe(200);
    expect((await edit(id, { plugin: "own-only" })).body).toMatchObject({ code: "credential.no-reconciliation" });
  });
});

describe("a reconciliation by hand", () => {
  test("is refused until it is set up, and then opened once, in attention too", async () => {
    const { id, reconcilerId } = await makePair();
    expect(await reconcile(id)).toMatchObject({ status: 422, body: { code: "credential.no-reconciliation" } });
    await edit(id, { reconciliation: { enabled: true, credentialId: reconcilerId } });
    await api.db
      .update(credentials)
      .set({ attention: "change.unverified", attentionSince: sql`now()` })
      .where(eq(credentials.id, id));
    const opened = await reconcile(id);
    expect(opened).toMatchObject({ status: 202, body: { credentialId: id, state: "scheduled" } });
    const code = Number(opened.body.code);
    const [row] = await api.db.select().from(operations).where(eq(operations.code, code));
    expect(row).toMatchObject({ kind: "reconcile-password", trigger: "request", requestedBy: "Grace", priority: 2 });
    expect(await reconcile(id)).toMatchObject({
      status: 409,
      body: { code: "credential.change-open", openCode: code },
    });
  });

  test("two at the same moment end as one operation and one refusal", async () => {
    const { id, reconcilerId } = await makePair();
    await edit(id, { reconciliation: { enabled: true, credentialId: reconcilerId } });
    const both = await Promise.all([reconcile(id), reconcile(id)]);
    const opened = both.find(({ status }) => status === 202);
    expect(both.find(({ status }) => status !== 202)).toMatchObject({
      status: 409,
      body: { code: "credential.change-open", openCode: opened?.body.code },
    });
  });

  test("is refused for what is inactive, has no password to log in with, or gives no reason", async () => {
    const { id, reconcilerId } = await makePair();
    await edit(id, { reconciliation: { enabled: true, credentialId: reconcilerId } });
    expect((await reconcile(id, {})).status).toBe(400);
    await edit(id, { active: false });
    expect((await reconcile(id)).body).toMatchObject({ code: "credential.inactive" });
    await edit(id, { active: true });
    await api.db.execute(sql`delete from secret_versions where credential_id = ${reconcilerId}`);
    expect((await reconcile(id)).body).toMatchObject({ code: "credential.no-password" });
    const [none] = await api.db.select().from(operations).where(eq(operations.credentialId, id));
    expect(none).toBeUndefined();
  });
});

describe("by kind", () => {
  const ask = (body: object) =>
    operator<{ code: unknown; openCode?: number }>("POST", "/v1/operations", { body: { reason: "test", ...body } });

  test("a reconciliation and a check are requested, at a time too; a change has a request of its own", async () => {
    const { id, reconcilerId } = await makePair();
    expect((await ask({ kind: "reconcile-password", credentialId: id })).body).toMatchObject({
      code: "credential.no-reconciliation",
    });
    const scheduledFor = "2099-01-01T00:00:00.000Z";
    const checked = await ask({ kind: "verify-password", credentialId: reconcilerId, scheduledFor });
    expect(checked).toMatchObject({ status: 202, body: { credentialId: reconcilerId, state: "scheduled" } });
    const [row] = await api.db
      .select()
      .from(operations)
      .where(eq(operations.code, Number(checked.body.code)));
    expect(row).toMatchObject({ kind: "verify-password", dueAt: new Date(scheduledFor), waitingFor: "time" });
    expect(await ask({ kind: "verify-password", credentialId: reconcilerId })).toMatchObject({
      status: 409,
      body: { code: "credential.change-open", openCode: checked.body.code },
    });
    expect((await ask({ kind: "change-password", credentialId: id })).body).toMatchObject({
      code: "operation.kind-unsupported",
    });
  });

  test("a check is refused for what is inactive, unknown or has no password", async () => {
    const { id } = await makePair();
    await edit(id, { active: false });
    expect((await ask({ kind: "verify-password", credentialId: id })).body).toMatchObject({
      code: "credential.inactive",
    });
    await edit(id, { active: true });
    await api.db.execute(sql`delete from secret_versions where credential_id = ${id}`);
    expect((await ask({ kind: "verify-password", credentialId: id })).body).toMatchObject({
      code: "credential.no-password",
    });
    const nobody = "00000000-0000-4000-8000-000000000000";
    expect((await ask({ kind: "verify-password", credentialId: nobody })).status).toBe(404);
  });
});
