/** Secrets that have a form of their own: nothing else is stored in their place. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Credential } from "../../contracts/credentials.schema.ts";
import { newKey } from "../../plugins/ssh-key/key.ts";
import { sshKey } from "../../plugins/ssh-key/index.ts";
import { type Ask, makeCredentials, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";
import { csvOf, importFile } from "./import-file.ts";

const { secretForm } = sshKey;
const PASSWORD = "Canary7-no-key";
const KEY = newKey().reveal();

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi({
    plugins: [PLAIN_PLUGIN, { ...PLAIN_PLUGIN, kind: "keys", ...(secretForm ? { secretForm } : {}) }],
  });
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

const problem = (column: "field" | "column", name: string) => ({
  [column]: name,
  rule: secretForm?.rule,
  got: "another text",
});

test("a new credential and a stored password are refused with field and rule, and the text is not repeated", async () => {
  const { deviceId } = await makeCredentials(admin, 0, "keys1");
  const account = { deviceId, plugin: "keys", username: "deploy" };
  const refused = await admin("POST", "/v1/credentials", { body: { ...account, password: PASSWORD } });
  expect(refused).toMatchObject({
    status: 400,
    body: { code: "request.invalid", errors: [problem("field", "password")] },
  });
  expect((await admin<{ items: [] }>("GET", "/v1/credentials?device=keys1")).body.items).toEqual([]);

  const made = await admin<Credential>("POST", "/v1/credentials", { body: { ...account, password: KEY } });
  expect(made).toMatchObject({ status: 201, body: { currentVersion: 1 } });
  const put = (password: string) =>
    admin("PUT", `/v1/credentials/${made.body.id}/password`, { body: { password, reason: "test" } });
  const stored = await put(PASSWORD);
  expect(stored).toMatchObject({ status: 400, body: { errors: [problem("field", "password")] } });
  expect(await put(newKey().reveal())).toMatchObject({ status: 200, body: { version: 2 } });
  for (const said of [refused, stored, api.log]) expect(JSON.stringify(said)).not.toContain(PASSWORD);
});

test("an import refuses the row with column and rule, for the plugin it names and for the stored one", async () => {
  const row = (username: string, password: string, more: object = {}) => ({
    Device: "keys2",
    Address: "192.0.2.2",
    Username: username,
    "Current password": password,
    ...more,
  });
  const keys = { "Change plugin": "keys" };
  const first = await importFile(admin, csvOf([row("good", KEY, keys), row("bad", PASSWORD, keys)]));
  expect(first.body.rows).toMatchObject([
    { outcome: "created" },
    { outcome: "refused", problems: [problem("column", "Current password")] },
  ]);
  const dry = await importFile(admin, csvOf([row("good", PASSWORD)]), true);
  expect(dry.body.rows).toMatchObject([{ outcome: "refused", problems: [problem("column", "Current password")] }]);
  const plain = await importFile(admin, csvOf([row("plain", PASSWORD, { "Change plugin": "plain" })]));
  expect(plain.body).toMatchObject({ created: 1 });
  expect(JSON.stringify([first, dry, plain])).not.toContain(PASSWORD);
});

test("the plugin of a credential with a stored secret becomes none with another kind of secret", async () => {
  const { deviceId } = await makeCredentials(admin, 0, "keys3");
  const rule = expect.stringMatching(/^must be one with the same kind of secret/);
  const make = async (plugin: string, username: string, password?: string) => {
    const body = { deviceId, plugin, username, ...(password === undefined ? {} : { password }) };
    return (await admin<Credential>("POST", "/v1/credentials", { body })).body;
  };
  const edit = ({ id, revision }: Credential, plugin: string) =>
    admin("PATCH", `/v1/credentials/${id}`, { body: { plugin }, headers: { "if-match": `"${revision}"` } });
  const password = await make("plain", "password", PASSWORD);
  const key = await make("keys", "key", KEY);
  const errors = [{ field: "plugin", rule, got: "one with another kind of secret" }];
  expect(await edit(password, "keys")).toMatchObject({ status: 400, body: { code: "request.invalid", errors } });
  expect(await edit(key, "plain")).toMatchObject({ status: 400, body: { errors } });
  expect(await edit(key, "keys")).toMatchObject({ status: 200 });
  expect(await edit(await make("plain", "nothing"), "keys")).toMatchObject({ status: 200 });

  const row = { Device: "keys3", Address: "192.0.2.3", Username: "password" };
  const imported = await importFile(admin, csvOf([{ ...row, "Change plugin": "keys", "Current password": KEY }]));
  expect(imported.body.rows).toMatchObject([{ outcome: "refused", problems: [{ column: "Change plugin", rule }] }]);
  const read = await admin("GET", `/v1/credentials/${password.id}`);
  expect(read.body).toMatchObject({ plugin: "plain", currentVersion: 1 });
});
