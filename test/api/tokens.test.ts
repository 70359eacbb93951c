import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ask, asker, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
});
afterAll(() => api.close());

interface Made {
  id: string;
  value: string;
  code: string;
}

test("a token's value is shown once and only its digest is stored", async () => {
  const made = await admin<Made>("POST", "/v1/tokens", { body: { name: "ci", owner: "Bob", roles: ["viewer"] } });
  expect(made.status).toBe(201);
  expect(made.body.value).toMatch(/^kt_[\w-]{43}$/);
  const stored = JSON.stringify(await api.db.execute(sql`select * from tokens`));
  expect(stored).not.toContain(made.body.value);
  const list = await admin("GET", "/v1/tokens");
  expect(JSON.stringify(list.body)).not.toContain(made.body.value);
  expect((await asker(api.app, made.body.value)("GET", "/v1/devices")).status).toBe(200);
});

test("a revoked, an expired and an unknown token are refused alike", async () => {
  const made = await admin<Made>("POST", "/v1/tokens", { body: { name: "gone", owner: "Bob", roles: ["viewer"] } });
  const ask = asker(api.app, made.body.value);
  expect((await ask("GET", "/v1/devices")).status).toBe(200);
  expect((await admin("DELETE", `/v1/tokens/${made.body.id}`)).status).toBe(204);
  expect(await ask("GET", "/v1/devices")).toMatchObject({ status: 401, body: { code: "token.invalid" } });
  expect((await admin("DELETE", `/v1/tokens/${made.body.id}`)).status).toBe(404);
  const expired = await admin<Made>("POST", "/v1/tokens", {
    body: { name: "old", owner: "Bob", roles: ["viewer"], expiresAt: "2020-01-01T00:00:00Z" },
  });
  expect(await asker(api.app, expired.body.value)("GET", "/v1/devices")).toMatchObject({
    body: { code: "token.invalid" },
  });
  expect(await asker(api.app, "kt_nobody")("GET", "/v1/devices")).toMatchObject({ body: { code: "token.invalid" } });
});

test("an administrator cannot grant custodian or approver to the own person", async () => {
  for (const role of ["custodian", "approver"])
    for (const owner of ["Ada", "ADA", "  ada "]) {
      const refused = await admin("POST", "/v1/tokens", { body: { name: "mine", owner, roles: [role] } });
      expect(refused, `${role} for ${owner}`).toMatchObject({ status: 403, body: { code: "permission.denied" } });
    }
  const both = { name: "both", owner: "Eve", roles: ["administrator", "custodian"] };
  expect((await admin("POST", "/v1/tokens", { body: both })).status).toBe(403);
  const other = { name: "other", owner: "Eve", roles: ["custodian"] };
  expect((await admin("POST", "/v1/tokens", { body: other })).status).toBe(201);
});

test("a token works only from its addresses", async () => {
  for (const [allowedAddresses, status] of [
    [["10.0.0.0/8", "192.0.2.7"], 403],
    [["127.0.0.0/8"], 200],
    [["::1", "127.0.0.1"], 200],
  ] as const) {
    const made = await admin<Made>("POST", "/v1/tokens", {
      body: { name: "near", owner: "Bob", roles: ["viewer"], allowedAddresses },
    });
    const answer = await asker(api.app, made.body.value)("GET", "/v1/devices");
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body).toMatchObject({ code: "token.address-not-allowed" });
  }
  const nonsense = { name: "x", owner: "Bob", roles: ["viewer"], allowedAddresses: ["10.0.0.0/99"] };
  expect((await admin("POST", "/v1/tokens", { body: nonsense })).status).toBe(400);
});

test("guessing tokens is stopped", async () => {
  const own = await openTestApi();
  const answers: number[] = [];
  for (let guess = 0; guess < 70; guess += 1)
    answers.push((await asker(own.app, `kt_guess${guess}`)("GET", "/v1/devices")).status);
  expect(answers.slice(0, 50).every((status) => status === 401)).toBe(true);
  expect(answers.at(-1)).toBe(429);
  await own.close();
});
