import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Template, TemplateDetails, TemplateVersion } from "../../contracts/templates.schema.ts";
import { type Ask, makeCredentials, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";
import { BAD, DOUBTFUL, GOOD, LINES } from "./templates-language.ts";

let api: TestApi;
let ada: Ask;
let bob: Ask;
let viewer: Ask;
beforeAll(async () => {
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, LINES] });
  ada = await api.as(["administrator"], "Ada");
  bob = await api.as(["approver"], "Bob");
  viewer = await api.as(["viewer"], "Vera");
});
afterAll(() => api.close());

const input = { plugin: "lines", kind: "change-password", body: GOOD };

async function write(name: string, body = GOOD): Promise<TemplateDetails> {
  const made = await ada<TemplateDetails>("POST", "/v1/templates", { body: { ...input, name, body } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}

function edit(template: Pick<Template, "id" | "revision">, body: object, ask = ada) {
  const headers = { "if-match": `"${template.revision}"` };
  return ask<TemplateDetails>("PATCH", `/v1/templates/${template.id}`, { body, headers });
}

const read = async (id: string) => (await viewer<TemplateDetails>("GET", `/v1/templates/${id}`)).body;
const decide = (id: string, version: number, verb: "approve" | "reject", ask = bob) =>
  ask<{ code?: string }>("POST", `/v1/templates/${id}/versions/${version}/${verb}`, { body: { comment: "seen" } });
const versions = async (id: string, query = "") =>
  (await viewer<{ items: TemplateVersion[]; nextCursor: string | null }>("GET", `/v1/templates/${id}/versions${query}`))
    .body;

async function approved(name: string): Promise<TemplateDetails> {
  const { id } = await write(name);
  expect((await decide(id, 1, "approve")).status).toBe(200);
  return read(id);
}

async function actionsOn(id: string): Promise<unknown[]> {
  const auditor = await api.as(["auditor"], "Otto");
  const { body } = await auditor<{ items: { action: string; person: string; details: object }[] }>(
    "GET",
    `/v1/audit?objectType=template&objectId=${id}`,
  );
  return body.items.map(({ action, person, details }) => [action, person, details]).toReversed();
}

describe("a template", () => {
  test("runs once a second person approved it, and each new text again", async () => {
    const made = await write("second person");
    expect(made).toMatchObject({
      activeVersion: null,
      activeBody: null,
      latestVersion: 1,
      pending: true,
      author: "Ada",
    });
    expect(await decide(made.id, 1, "approve", ada)).toMatchObject({
      status: 403,
      body: { code: "template.own-version" },
    });
    expect((await decide(made.id, 1, "approve")).body).toMatchObject({ activeVersion: 1, pending: false });
    const first = await read(made.id);
    const edited = await edit(first, { body: DOUBTFUL });
    expect(edited.body).toMatchObject({
      activeVersion: 1,
      activeBody: GOOD,
      latestVersion: 2,
      latestBody: DOUBTFUL,
      pending: true,
      revision: first.revision + 1,
    });
    expect(edited.body.warnings).toMatchObject([{ severity: "warning", line: 4 }]);
    expect((await decide(made.id, 2, "reject")).body).toMatchObject({ activeVersion: 1, pending: false });
    expect(await decide(made.id, 2, "approve")).toMatchObject({ status: 409, body: { code: "template.not-pending" } });
    expect(await decide(made.id, 1, "reject")).toMatchObject({ status: 409, body: { code: "template.not-pending" } });
    const again = (await edit(await read(made.id), { body: `# mine\n${GOOD}` })).body;
    expect((await decide(made.id, 3, "approve")).status).toBe(200);
    expect(await read(again.id)).toMatchObject({ activeVersion: 3, activeBody: `# mine\n${GOOD}`, pending: false });
    expect(await actionsOn(made.id)).toEqual([
      ["template.created", "Ada", { name: "second person", plugin: "lines", kind: "change-password", version: 1 }],
      ["template.approved", "Bob", { version: 1, comment: "seen" }],
      ["template.edited", "Ada", { version: 2 }],
      ["template.rejected", "Bob", { version: 2, comment: "seen" }],
      ["template.edited", "Ada", { version: 3 }],
      ["template.approved", "Bob", { version: 3, comment: "seen" }],
    ]);
  });

  test("has a history: who, when, and what changed", async () => {
    const { id } = await approved("history");
    const second = (await edit(await read(id), { body: `${GOOD}# the end\n` })).body;
    await edit(second, { body: `${GOOD}# the very end\n` });
    const { items } = await versions(id);
    expect(items.map(({ version, state, author, decidedBy }) => [version, state, author, decidedBy])).toEqual([
      [3, "pending", "Ada", null],
      [2, "former", "Ada", null],
      [1, "active", "Ada", "Bob"],
    ]);
    expect(items[0]?.diff).toContain("--- version 2");
    expect(items[0]?.diff).toContain("-# the end\n+# the very end\n");
    expect(items[1]?.diff).toContain("+# the end");
    expect(items[2]).toMatchObject({ diff: "", body: GOOD, comment: "seen" });
    const page = await versions(id, "?limit=2");
    expect(page.items.map(({ version }) => version)).toEqual([3, 2]);
    const rest = await versions(id, `?limit=2&cursor=${page.nextCursor}`);
    expect(rest).toMatchObject({ items: [{ version: 1 }], nextCursor: null });
    expect(page.items[1]?.diff).toContain("+# the end");
  });

  test("whose texts share nothing has a history, too, and at once", async () => {
    const comments = (word: string) => Array.from({ length: 12_000 }, (_, line) => `# ${word} ${line}`).join("\n");
    const { id, revision } = await write("long", `${GOOD}${comments("one")}`);
    await edit({ id, revision }, { body: `${GOOD}${comments("other")}` });
    expect((await versions(id)).items[0]?.diff).toContain("more than 1,000 lines");
  });

  test("that cannot be run is refused with every line and reason, and is not stored", async () => {
    const refused = await ada("POST", "/v1/templates", { body: { ...input, name: "bad", body: BAD } });
    expect(refused).toMatchObject({ status: 422, body: { code: "template.refused" } });
    expect(refused.body["complaints"]).toMatchObject([
      { severity: "refusal", rule: "command.unknown", line: 5, column: 1 },
      { severity: "refusal", rule: "tag.unknown", line: 6 },
    ]);
    expect(String(refused.body["detail"])).toMatch(/^Line 5, column 1: /);
    const good = await write("stays good");
    expect(await edit(good, { body: BAD })).toMatchObject({ status: 422, body: { code: "template.refused" } });
    expect(await read(good.id)).toMatchObject({ latestVersion: 1, revision: good.revision });
    expect((await viewer("GET", "/v1/templates?name=bad")).body).toMatchObject({ items: [] });
  });

  test("needs a plugin that takes templates, one name among the active, and the ETag that was read", async () => {
    const ask = (body: object) => ada("POST", "/v1/templates", { body: { ...input, name: "odd", ...body } });
    expect(await ask({ plugin: "none" })).toMatchObject({ status: 422, body: { code: "credential.plugin-unknown" } });
    expect(await ask({ plugin: "plain" })).toMatchObject({ status: 400, body: { errors: [{ field: "plugin" }] } });
    const one = await write("Only one");
    expect(await ask({ name: "ONLY ONE" })).toMatchObject({ status: 409, body: { code: "template.name-taken" } });
    const other = await write("another");
    expect(await edit(other, { name: "only one" })).toMatchObject({ body: { code: "template.name-taken" } });
    expect((await edit(one, { active: false })).status).toBe(200);
    expect((await edit(other, { name: "only one" })).status).toBe(200);
    expect(await edit(await read(one.id), { active: true })).toMatchObject({ body: { code: "template.name-taken" } });
    expect(await edit(one, { name: "stale" })).toMatchObject({ status: 412 });
    expect(await ada("PATCH", `/v1/templates/${one.id}`, { body: { name: "x" } })).toMatchObject({ status: 428 });
    const none = "01900000-0000-7000-8000-00000000abcd";
    expect((await viewer("GET", `/v1/templates/${none}`)).body).toMatchObject({ code: "template.not-found" });
    expect((await edit({ id: none, revision: 1 }, { body: GOOD })).body).toMatchObject({ code: "template.not-found" });
  });

  test("with the same text has no new version, and a key makes it once", async () => {
    const headers = { "idempotency-key": "one template" };
    const body = { ...input, name: "by key" };
    const first = await ada<TemplateDetails>("POST", "/v1/templates", { body, headers });
    const second = await ada<TemplateDetails>("POST", "/v1/templates", { body, headers });
    expect(second).toMatchObject({ status: 201, body: { id: first.body.id } });
    const same = await edit(first.body, { body: GOOD, name: "by the key" });
    expect(same.body).toMatchObject({ latestVersion: 1, name: "by the key" });
  });

  test("is listed by plugin, kind, name, what is active and what waits", async () => {
    const { id } = await write("Findable");
    await ada("POST", "/v1/templates", {
      body: { name: "findable, too", plugin: "lines", kind: "user-creation", body: 'exec "useradd [#USERNAME#]"' },
    });
    const list = async (query: string) =>
      (await viewer<{ items: Template[] }>("GET", `/v1/templates?name=FINDABLE&${query}`)).body.items.map(
        ({ name }) => name,
      );
    expect(await list("")).toEqual(["Findable", "findable, too"]);
    expect(await list("kind=user-creation&plugin=lines")).toEqual(["findable, too"]);
    expect(await list("plugin=plain")).toEqual([]);
    await decide(id, 1, "approve");
    expect(await list("pending=true")).toEqual(["findable, too"]);
    expect(await list("pending=false")).toEqual(["Findable"]);
    await edit(await read(id), { active: false });
    expect(await list("active=true")).toEqual(["findable, too"]);
  });

  test("runs at once where the settings ask for no second person", async () => {
    const settings = async (templateApproval: boolean) => {
      const { headers } = await ada("GET", "/v1/settings");
      const changed = { body: { templateApproval }, headers: { "if-match": String(headers["etag"]) } };
      expect((await ada("PATCH", "/v1/settings", changed)).status).toBe(200);
    };
    await settings(false);
    try {
      const made = await write("at once");
      expect(made).toMatchObject({ activeVersion: 1, pending: false });
      expect((await edit(made, { body: DOUBTFUL })).body).toMatchObject({ activeVersion: 2, pending: false });
      expect((await versions(made.id)).items).toMatchObject([
        { state: "active", decidedBy: null },
        { state: "former", decidedBy: null },
      ]);
      expect(await decide(made.id, 2, "approve")).toMatchObject({ body: { code: "template.not-pending" } });
    } finally {
      await settings(true);
    }
  });
});

describe("a credential's template", () => {
  const create = async (deviceId: string, body: object) =>
    ada("POST", "/v1/credentials", { body: { deviceId, plugin: "lines", username: "u", password: "p", ...body } });

  test("must run, be of its plugin, and set a password", async () => {
    const { deviceId } = await makeCredentials(ada, 0, "fits");
    const pending = await write("not yet approved");
    const ready = await approved("ready");
    const job = await ada<TemplateDetails>("POST", "/v1/templates", {
      body: { name: "a job", plugin: "lines", kind: "user-creation", body: 'exec "useradd x"' },
    });
    await decide(job.body.id, 1, "approve");
    const refusal = async (body: object) => (await create(deviceId, body)).body["code"];
    expect(await refusal({ templateId: pending.id })).toBe("template.not-active");
    expect(await refusal({ templateId: job.body.id })).toBe("template.unfit");
    expect(await refusal({ plugin: "plain", templateId: ready.id })).toBe("template.unfit");
    expect(await refusal({ templateId: "01900000-0000-7000-8000-00000000abcd" })).toBe("request.invalid");
    expect(await refusal({ reconciliation: { plugin: "plain", templateId: ready.id } })).toBe("template.unfit");
    const made = await create(deviceId, { templateId: ready.id });
    expect(made).toMatchObject({ status: 201, body: { templateId: ready.id } });
    const id = String(made.body["id"]);
    const patch = (body: object, revision: number) =>
      ada("PATCH", `/v1/credentials/${id}`, { body, headers: { "if-match": `"${revision}"` } });
    expect((await patch({ plugin: "plain" }, 1)).body).toMatchObject({ code: "template.unfit" });
    expect((await patch({ plugin: "plain", templateId: null }, 1)).status).toBe(200);
  });

  test("is not switched off while it is in use, and says by whom", async () => {
    const { deviceId } = await makeCredentials(ada, 0, "uses");
    const template = await approved("in use");
    const reconciles = await approved("reconciles");
    await create(deviceId, { templateId: template.id, reconciliation: { templateId: reconciles.id } });
    const used = await create(deviceId, { username: "second", templateId: template.id });
    expect(await read(template.id)).toMatchObject({ useCount: 2, uses: [{ device: "uses" }, { as: "change" }] });
    expect(await read(reconciles.id)).toMatchObject({ useCount: 1, uses: [{ username: "u", as: "reconciliation" }] });
    const refused = await edit(template, { active: false });
    expect(refused).toMatchObject({ status: 409, body: { code: "template.in-use" } });
    expect(refused.body).toMatchObject({ detail: "2 active credentials and 0 open operations name it." });
    const id = String(used.body["id"]);
    const off = await ada("PATCH", `/v1/credentials/${id}`, {
      body: { active: false },
      headers: { "if-match": `"${used.body["revision"] as number}"` },
    });
    expect(off.status).toBe(200);
    expect((await edit(reconciles, { active: false })).status).toBe(409);
    await ada("PATCH", `/v1/credentials/${(await read(template.id)).uses[0]?.credentialId}`, {
      body: { templateId: null },
      headers: { "if-match": '"1"' },
    });
    expect((await edit(await read(template.id), { active: false })).status).toBe(200);
    const on = await ada("PATCH", `/v1/credentials/${id}`, { body: { active: true }, headers: { "if-match": '"2"' } });
    expect(on.body).toMatchObject({ code: "template.not-active" });
  });

  test("is either chosen or switched off, whoever is faster", async () => {
    const { deviceId } = await makeCredentials(ada, 0, "races");
    const outcomes = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const template = await approved(`race ${round}`);
      const choose = () => create(deviceId, { username: `racer${round}`, templateId: template.id });
      const off = () => edit(template, { active: false });
      const [chosen, switched] =
        round % 2 === 0 ? await Promise.all([choose(), off()]) : (await Promise.all([off(), choose()])).toReversed();
      outcomes.add(`${String(chosen?.status)} ${String(switched?.status)}`);
      const { active, useCount } = await read(template.id);
      expect(active ? useCount : useCount + 1, `round ${round}`).toBe(1);
    }
    for (const outcome of outcomes) expect(["201 409", "422 200"]).toContain(outcome);
  });

  test("is approved as it is now, or not: an edit at the same time is not approved unseen", async () => {
    for (let round = 0; round < 8; round += 1) {
      const made = await write(`unseen ${round}`);
      const [decided, edited] = await Promise.all([decide(made.id, 1, "approve"), edit(made, { body: DOUBTFUL })]);
      const { activeVersion, latestVersion } = await read(made.id);
      expect([200, 409]).toContain(decided.status);
      expect([200, 412]).toContain(edited.status);
      expect([decided.status, edited.status]).not.toEqual([200, 200]);
      expect(activeVersion).toBe(decided.status === 200 ? 1 : null);
      expect(latestVersion).toBe(edited.status === 200 ? 2 : 1);
    }
  });
});
