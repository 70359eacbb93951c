import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Credential } from "../../contracts/credentials.schema.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let deviceId: string;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
  ({ deviceId } = await makeCredentials(admin, 0));
});
afterAll(() => api.close());

const create = (body: object) =>
  admin<Credential>("POST", "/v1/credentials", { body: { deviceId, plugin: "plain", ...body } });
const edit = (credential: Credential, body: object) =>
  admin<Credential>("PATCH", `/v1/credentials/${credential.id}`, {
    body,
    headers: { "if-match": `"${credential.revision}"` },
  });
const list = async (query: string) =>
  (await admin<{ items: Credential[] }>("GET", `/v1/credentials?${query}`)).body.items.map(({ username }) => username);

describe("credentials", () => {
  test("are unique by device, plugin, user name, domain and additional info", async () => {
    expect((await create({ username: "root" })).status).toBe(201);
    expect(await create({ username: "root" })).toMatchObject({ status: 409, body: { code: "request.conflict" } });
    expect((await create({ username: "root", additionalInfo: "other" })).status).toBe(201);
    expect((await create({ username: "root", domain: "corp" })).status).toBe(201);
    expect((await create({ username: "ROOT" })).status).toBe(201);
  });

  test("refuse an unknown plugin, and no account that logs in", async () => {
    expect(await create({ username: "u1", plugin: "nobody" })).toMatchObject({
      status: 422,
      body: { code: "credential.plugin-unknown" },
    });
    expect(await create({ username: "u1", useOwnCredential: false })).toMatchObject({
      status: 422,
      body: { code: "credential.no-authenticator" },
    });
    const { body: own } = await create({ username: "u1" });
    expect(await edit(own, { useOwnCredential: false })).toMatchObject({ status: 422 });
    expect(await edit(own, { useOwnCredential: false, authenticationCredentialId: own.id })).toMatchObject({
      status: 422,
    });
    const { body: other } = await create({ username: "u2" });
    expect(await edit(own, { useOwnCredential: false, authenticationCredentialId: other.id })).toMatchObject({
      status: 200,
    });
  });

  test("parents form no circle, also when two edits would close it at once", async () => {
    const [a, b, c] = await Promise.all(["pa", "pb", "pc"].map(async (username) => (await create({ username })).body));
    if (!a || !b || !c) throw new Error("not created");
    expect((await edit(b, { parentCredentialId: a.id })).status).toBe(200);
    expect((await edit(c, { parentCredentialId: b.id })).status).toBe(200);
    const circle = await edit(a, { parentCredentialId: c.id });
    expect(circle).toMatchObject({ status: 422, body: { code: "credential.cycle" } });
    expect(circle.body).toMatchObject({ detail: expect.stringContaining("pc → pb → pa") as string });
    const [x, y] = await Promise.all(["px", "py"].map(async (username) => (await create({ username })).body));
    if (!x || !y) throw new Error("not created");
    const both = await Promise.all([edit(x, { parentCredentialId: y.id }), edit(y, { parentCredentialId: x.id })]);
    expect(both.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(both.filter(({ status }) => status === 422)).toHaveLength(1);
  });

  test("saving execution settings makes no work", async () => {
    const { body: quiet } = await create({ username: "quiet", password: "p" });
    await edit(quiet, { automaticChange: true, notes: "two\nlines" });
    expect((await admin<Credential>("GET", `/v1/credentials/${quiet.id}`)).body).toMatchObject({
      notes: "two\nlines",
      openCode: null,
      lastCheckAt: null,
    });
  });

  test("the lists of those that accept a change and of those that wait for a person", async () => {
    const { deviceId: id, ids } = await makeCredentials(admin, 4, "lists");
    const only = `deviceId=${id}`;
    expect(await list(`${only}&changeable=true`)).toEqual(["user0", "user1", "user2", "user3"]);
    await admin("POST", "/v1/password-changes", { body: { credentialIds: [ids[0]] } });
    await api.db.execute(
      sql`update credentials set attention = 'change.unverified', attention_since = now() where id = ${ids[1]}`,
    );
    await api.db.execute(sql`update secret_versions set status = 'retired' where credential_id = ${ids[2]}`);
    expect(await list(`${only}&changeable=true`)).toEqual(["user3"]);
    expect(await list(`${only}&changeable=false`)).toEqual(["user0", "user1", "user2"]);
    expect(await list(`${only}&attention=true`)).toEqual(["user1"]);
    expect(await list(`${only}&attention=false&username=USER`)).toEqual(["user0", "user2", "user3"]);
    expect(await list("device=LIST&username=3")).toEqual(["user3"]);
  });
});
