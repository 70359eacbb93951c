import { afterAll, beforeAll, expect, test } from "vitest";
import { totpBinding } from "../../crypto/totp.ts";
import { credentials, idempotencyKeys } from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

/** Of RFC 6238's tests. */
const SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

async function stored() {
  const rows = await api.db.select({ id: credentials.id, totpSealed: credentials.totpSealed }).from(credentials);
  return new Map(rows.map(({ id, totpSealed }) => [id, totpSealed]));
}

test("a seed of one-time passwords is sealed for its credential, kept, replaced and forgotten, and never shown", async () => {
  const { deviceId } = await makeCredentials(admin, 0);
  const made = await admin("POST", "/v1/credentials", {
    body: {
      deviceId,
      plugin: "plain",
      username: "u",
      totpSecret: SEED.toLowerCase()
        .replaceAll(/(.{4})/g, "$1 ")
        .trim(),
    },
    headers: { "idempotency-key": "seed" },
  });
  expect(made).toMatchObject({ status: 201, body: { hasTotp: true } });
  const id = String(made.body["id"]);
  const sealed = (await stored()).get(id);
  expect(sealed && api.vault.open(sealed, totpBinding(id)).reveal().replaceAll(" ", "").toUpperCase()).toBe(SEED);
  expect(() => sealed && api.vault.open(sealed, totpBinding(deviceId))).toThrow("another row");

  const patch = (body: object, revision: number) =>
    admin("PATCH", `/v1/credentials/${id}`, { body, headers: { "if-match": `"${revision}"` } });
  expect((await patch({ notes: "kept" }, 1)).body).toMatchObject({ hasTotp: true });
  expect((await stored()).get(id)).toEqual(sealed);
  expect((await patch({ totpSecret: SEED }, 2)).body).toMatchObject({ hasTotp: true, revision: 3 });
  expect((await stored()).get(id)).not.toEqual(sealed);
  const list = await admin("GET", "/v1/credentials");
  expect((await patch({ totpSecret: null }, 3)).body).toMatchObject({ hasTotp: false });
  expect((await stored()).get(id)).toBeNull();

  const kept = await api.db.select().from(idempotencyKeys);
  const auditor = await api.as(["auditor"], "Otto");
  const audit = await auditor("GET", "/v1/audit");
  for (const said of [made, list, kept, audit, api.log]) {
    expect(JSON.stringify(said).toUpperCase().replaceAll(" ", "")).not.toContain(SEED);
    expect(JSON.stringify(said)).not.toContain("totpSealed");
  }
  expect(JSON.stringify(audit.body)).toContain('"fields":["totpSecret"]');
});

test("what is no seed is refused, and not said again", async () => {
  const { deviceId } = await makeCredentials(admin, 0, "db2");
  for (const totpSecret of ["too-short", "1".repeat(20), `${SEED}!`, ""]) {
    const refused = await admin("POST", "/v1/credentials", {
      body: { deviceId, plugin: "plain", username: "u", totpSecret },
    });
    expect(refused, totpSecret).toMatchObject({ status: 400, body: { errors: [{ field: "totpSecret" }] } });
    if (totpSecret !== "") expect(JSON.stringify(refused.body)).not.toContain(totpSecret);
  }
});
