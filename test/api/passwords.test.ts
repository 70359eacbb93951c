import { generateKeyPairSync } from "node:crypto";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Credential, Version } from "../../contracts/credentials.schema.ts";
import { Secret } from "../../contracts/secret.ts";
import { newId } from "../../db/new-id.ts";
import { newKey } from "../../plugins/ssh-key/key.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let custodian: Ask;
let id: string;
let count = 0;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
  custodian = await api.as(["custodian"], "Cleo");
});
beforeEach(async () => {
  count += 1;
  id = (await makeCredentials(admin, 1, `device-${count}`)).ids[0] ?? "";
});
afterAll(() => api.close());

const store = (password: string, more: object = {}) =>
  admin<{ version: number; code?: string }>("PUT", `/v1/credentials/${id}/password`, { body: { password, ...more } });
const reveal = (version?: number) =>
  custodian<{ password: string; version: number; status: string }>("POST", `/v1/credentials/${id}/reveal`, {
    body: { reason: "test", ...(version === undefined ? {} : { version }) },
  });
const versions = async () =>
  (await admin<{ items: Version[] }>("GET", `/v1/credentials/${id}/versions`)).body.items.map(
    ({ version, status }) => `${version} ${status}`,
  );
const restore = (version: number, expectedCurrent: number | null) =>
  admin<{ code?: string; currentVersion?: number }>("POST", `/v1/credentials/${id}/restore`, {
    body: { version, expectedCurrent, reason: "it logs in" },
  });

/** Leaves a doubtful version and a credential that waits for a person, as an unverified change does. */
async function doubt(password: string, version: number): Promise<void> {
  const versionId = newId();
  const sealed = api.vault.seal(new Secret(password), { versionId, credentialId: id, version });
  await api.db.execute(sql`insert into secret_versions (id, credential_id, version, status, sealed, origin)
    values (${versionId}, ${id}, ${version}, 'doubtful', ${sealed}, 'generated')`);
  await api.db.execute(
    sql`update credentials set attention = 'change.unverified', attention_since = now() where id = ${id}`,
  );
}

describe("storing and revealing", () => {
  test("a private key in PEM is stored as it is; no other text of several lines is", async () => {
    const { privateKey } = generateKeyPairSync("ed25519", {
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    for (const key of [newKey().reveal(), privateKey, privateKey.replaceAll("\n", "\r\n")]) {
      expect((await store(key)).status).toBe(200);
      expect((await reveal()).body.password).toBe(key);
    }
    const [begin, ...rest] = privateKey.split("\n");
    for (const text of [
      "two\nlines",
      `${begin}\n${"x".repeat(20_000)}`,
      [begin, "not base64!", ...rest].join("\n"),
      "x".repeat(1025),
    ]) {
      const refused = await store(text);
      expect(refused).toMatchObject({ status: 400, body: { code: "request.invalid" } });
      expect(JSON.stringify(refused.body)).not.toContain(text.slice(-40));
    }
  });

  test("what was stored is revealed to a custodian, with its history, and is sealed in the database", async () => {
    const odd = "pä$$ 'wörd\" \\ 漢字 🔑";
    expect((await store(odd)).body).toEqual({ version: 2 });
    expect((await reveal()).body).toEqual({ credentialId: id, version: 2, status: "current", password: odd });
    expect((await reveal(1)).body).toMatchObject({ status: "previous", password: "first-0" });
    expect((await store("third")).body).toEqual({ version: 3 });
    expect(await versions()).toEqual(["3 current", "2 previous", "1 retired"]);
    const sealed = await api.db.execute<{ sealed: Buffer }>(
      sql`select sealed from secret_versions where credential_id = ${id}`,
    );
    for (const clear of [odd, "first-0", "third"])
      expect(sealed.some((row) => row.sealed.includes(clear) || !Buffer.isBuffer(row.sealed))).toBe(false);
    expect(JSON.stringify(await api.db.execute(sql`select * from audit`))).not.toContain("wörd");
    expect(api.log.join("")).not.toContain("wörd");
  });

  test("every view is audited with person, version and reason, and nobody else may look", async () => {
    await reveal();
    const auditor = await api.as(["auditor"], "Otto");
    const audit = await auditor<{ items: object[] }>("GET", `/v1/audit?objectId=${id}&action=credential.revealed`);
    expect(audit.body.items).toMatchObject([
      { actor: "Cleo's token", person: "Cleo", details: { version: 1, reason: "test" }, address: "127.0.0.1" },
    ]);
    const url = `/v1/credentials/${id}/reveal`;
    expect((await admin("POST", url, { body: { reason: "x" } })).status).toBe(403);
    expect((await custodian("POST", url, { body: {} })).status).toBe(400);
    expect(await reveal(9)).toMatchObject({ status: 404, body: { code: "version.not-found" } });
  });

  test("a revealed answer is never kept for an Idempotency-Key", async () => {
    await custodian("POST", `/v1/credentials/${id}/reveal`, {
      body: { reason: "x" },
      headers: { "idempotency-key": "reveal-1" },
    });
    expect(await api.db.execute(sql`select 1 from idempotency_keys where key = 'reveal-1'`)).toHaveLength(0);
  });

  test("is refused while a change is open", async () => {
    const { body } = await admin<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
      body: { credentialIds: [id] },
    });
    const openCode = body.operations[0]?.code;
    expect(await store("x")).toMatchObject({ status: 409, body: { code: "credential.change-open", openCode } });
    expect(await store("x", { resolves: true })).toMatchObject({ status: 409 });
    expect(await versions()).toEqual(["1 current"]);
  });

  test("while doubt is unresolved only as its resolution, which clears attention", async () => {
    await doubt("maybe", 2);
    expect(await store("third")).toMatchObject({ status: 409, body: { code: "credential.unresolved" } });
    expect(await versions()).toEqual(["2 doubtful", "1 current"]);
    expect((await store("third", { resolves: true, reason: "reset by hand" })).body).toEqual({ version: 3 });
    expect(await versions()).toEqual(["3 current", "2 discarded", "1 previous"]);
    const credential = await admin<Credential>("GET", `/v1/credentials/${id}`);
    expect(credential.body).toMatchObject({
      attention: null,
      attentionSince: null,
      currentVersion: 3,
      unresolvedVersion: null,
    });
    expect((await reveal(2)).body).toMatchObject({ password: "maybe" });
  });

  test("many at once leave one current version and no gap", async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, number) => store(`at-once-${number}`)));
    expect(answers.map(({ body }) => body.version).toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    const all = await versions();
    expect(all.filter((line) => line.endsWith(" current"))).toEqual(["9 current"]);
    expect(all.filter((line) => line.endsWith(" previous"))).toEqual(["8 previous"]);
  });
});

describe("restoring", () => {
  test("makes the doubtful version current, compares what the person believed, and clears attention", async () => {
    await doubt("maybe", 2);
    expect(await restore(2, null)).toMatchObject({ status: 412, body: { code: "request.stale", currentVersion: 1 } });
    expect(await restore(7, 1)).toMatchObject({ status: 404, body: { code: "version.not-found" } });
    expect(await versions()).toEqual(["2 doubtful", "1 current"]);
    expect((await restore(2, 1)).status).toBe(200);
    expect(await versions()).toEqual(["2 current", "1 previous"]);
    const { body } = await admin<Credential>("GET", `/v1/credentials/${id}`);
    expect(body).toMatchObject({ attention: null, currentVersion: 2 });
  });

  test("an older version: the doubtful one is discarded but kept", async () => {
    await store("second");
    await doubt("maybe", 3);
    expect((await restore(1, 2)).status).toBe(200);
    expect(await versions()).toEqual(["3 discarded", "2 previous", "1 current"]);
    expect((await reveal()).body).toMatchObject({ password: "first-0" });
    expect((await reveal(3)).body).toMatchObject({ password: "maybe" });
  });

  test("is refused while a change runs", async () => {
    await admin("POST", "/v1/password-changes", { body: { credentialIds: [id] } });
    await api.db.execute(sql`update operations set state = 'running' where open_credential_id = ${id}`);
    expect(await restore(1, 1)).toMatchObject({ status: 409, body: { code: "credential.change-open" } });
  });
});
