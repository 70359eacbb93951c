import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

const CANARY = "Canary-7f3a-Zx!";

let api: TestApi;
let admin: Ask;
let ids: string[];
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
  ({ ids } = await makeCredentials(admin, 1));
});
afterAll(() => api.close());

describe("bad input", () => {
  test("names each field, its rule and the shape that came", async () => {
    const { status, headers, body } = await admin("POST", "/v1/devices", {
      body: { name: "", address: 7, port: 70_000, surprise: true, tags: "x" },
    });
    expect(status).toBe(400);
    expect(headers["content-type"]).toContain("application/problem+json");
    expect(body).toMatchObject({
      type: "urn:keyturn:problem:request.invalid",
      code: "request.invalid",
      status: 400,
      requestId: headers["x-request-id"],
    });
    const errors = body["errors"] as { field: string; rule: string; got: string }[];
    expect(errors).toContainEqual(expect.objectContaining({ field: "name", got: "text of 0 characters" }));
    expect(errors).toContainEqual(expect.objectContaining({ field: "address", got: "number" }));
    expect(errors).toContainEqual(expect.objectContaining({ field: "port", got: "number" }));
    expect(errors).toContainEqual(expect.objectContaining({ rule: expect.stringContaining("surprise") as string }));
  });

  test("says of a value in a query what was sent there, alone or among others", async () => {
    const refused = async (query: string) => (await admin("GET", `/v1/operations?${query}`)).body["errors"];
    const state = (field: string) => [expect.objectContaining({ field, got: "text of 3 characters" })];
    expect(await refused("state=foo")).toEqual(state("state.0"));
    expect(await refused("state=error&state=foo")).toEqual(state("state.1"));
    expect(await refused("executedFrom=2026-01-01T10:00:00")).toEqual([
      { field: "executedFrom", rule: expect.stringContaining("with its zone"), got: "text of 19 characters" },
    ]);
    const missing = (await admin("POST", "/v1/strengths", { body: { name: "x" } })).body["errors"];
    expect(missing).toEqual([{ field: "rules", rule: "is required", got: "nothing" }]);
    const outcome = (await admin("GET", "/v1/attempts?outcome=foo")).body["errors"];
    expect(outcome).toEqual([
      { field: "outcome.0", rule: expect.stringContaining("docs/errors.md"), got: "text of 3 characters" },
    ]);
  });

  test("unknown fields are refused in bodies and queries", async () => {
    expect((await admin("GET", "/v1/devices?nmae=x")).status).toBe(400);
    expect((await admin("POST", "/v1/password-changes", { body: { credentialIds: ids, at: "now" } })).status).toBe(400);
    const { body } = await admin<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
      body: { credentialIds: ids },
    });
    const cancel = `/v1/operations/${body.operations[0]?.code}/cancel`;
    expect(await admin("POST", cancel, { body: { reason: "x" } })).toMatchObject({ status: 400 });
    expect((await admin("POST", cancel, { body: {} })).status).toBe(200);
  });

  test("a body that is not in UTF-8 is refused: its password would be stored as another one", async () => {
    const headers = { "content-type": "application/json" };
    const bytes = (encoding: "utf8" | "latin1") => Buffer.from('{"name":"Büro","address":"b.example"}', encoding);
    const refused = await admin("POST", "/v1/devices", { headers, body: bytes("latin1") });
    expect(refused).toMatchObject({
      status: 400,
      body: { code: "request.invalid", detail: "The body is not in UTF-8." },
    });
    const made = await admin("POST", "/v1/devices", { headers, body: bytes("utf8") });
    expect(made).toMatchObject({ status: 201, body: { name: "Büro" } });
    const polluting = { headers, body: Buffer.from('{"name":"x","__proto__":{}}') };
    expect(await admin("POST", "/v1/devices", polluting)).toMatchObject({ status: 400 });
  });

  test("a secret in a refused body is never echoed nor logged", async () => {
    const url = `/v1/credentials/${ids[0]}/password`;
    const bodies = [
      { password: `${CANARY}\n` },
      { password: [CANARY] },
      { password: { [CANARY]: 1 } },
      { password: CANARY, resolves: CANARY },
      { password: "x", [CANARY]: true },
    ];
    for (const body of bodies) {
      const answer = await admin("PUT", url, { body });
      expect(answer.status).toBe(400);
      expect(JSON.stringify(answer.body)).not.toContain(CANARY);
    }
    const token = await admin<{ value: string }>("POST", "/v1/tokens", {
      body: { name: "raw", owner: "Bob", roles: ["administrator"] },
    });
    const raw = await api.app.inject({
      method: "PUT",
      url,
      headers: { authorization: `Bearer ${token.body.value}`, "content-type": "application/json" },
      payload: `{"password":"${CANARY}`,
    });
    expect(raw.statusCode).toBe(400);
    expect(raw.json()).toMatchObject({ code: "request.invalid" });
    expect(raw.body).not.toContain(CANARY);
    expect(api.log.join("")).not.toContain(CANARY);
    expect(api.log.join("")).not.toContain(token.body.value);
  });

  test("what PostgreSQL cannot store is the caller's mistake", async () => {
    const body = { name: "zero", address: "z", settings: { plain: { tls: "a\u0000b" } } };
    expect(await admin("POST", "/v1/devices", { body })).toMatchObject({
      status: 400,
      body: { code: "request.invalid" },
    });
    expect((await admin("GET", "/v1/operations/99999999999999999999")).status).toBe(400);
  });
});

describe("other refusals", () => {
  test("an unknown path, and an unknown object", async () => {
    expect(await admin("GET", "/v1/nothing")).toMatchObject({ status: 404, body: { code: "request.not-found" } });
    const id = "01900000-0000-7000-8000-00000000abcd";
    expect(await admin("GET", `/v1/credentials/${id}`)).toMatchObject({
      status: 404,
      body: { code: "credential.not-found" },
    });
    expect(await admin("GET", "/v1/operations/77")).toMatchObject({
      status: 404,
      body: { code: "operation.not-found" },
    });
    const stranger = { deviceId: id, plugin: "plain", username: "x" };
    const answer = await admin("POST", "/v1/credentials", { body: stranger });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: "deviceId" }] } });
  });

  test("too many requests", async () => {
    const own = await openTestApi({ requestsPerMinute: 3 });
    const answers = [];
    for (let count = 0; count < 4; count += 1) answers.push(await own.app.inject("/healthz"));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429]);
    expect(answers[3]?.json()).toMatchObject({ code: "request.too-many" });
    expect(answers[3]?.headers["retry-after"]).toBeDefined();
    await own.close();
  });

  test("a fault tells the caller its request id and nothing of its cause; the log has the cause", async () => {
    const own = await openTestApi();
    const viewer = await own.as(["viewer"]);
    await own.db.execute(sql`update settings set values = ${JSON.stringify({ attempts: CANARY })}::jsonb`);
    const { status, body } = await viewer("GET", "/v1/settings");
    expect({ status, code: body["code"] }).toEqual({ status: 500, code: "service.fault" });
    expect(Object.keys(body).toSorted()).toEqual(["code", "detail", "requestId", "status", "title", "type"]);
    expect(own.log.join("")).toContain("request failed");
    expect(own.log.join("")).toContain(String(body["requestId"]));
    await own.close();
  });

  test("a database that is away is 503, and readiness says so", async () => {
    const own = await openTestApi();
    const viewer = await own.as(["viewer"]);
    await own.db.$client.end();
    expect(await viewer("GET", "/v1/devices")).toMatchObject({ status: 503, body: { code: "service.unavailable" } });
    const ready = await own.app.inject("/readyz");
    expect({ status: ready.statusCode, body: ready.json() as unknown }).toEqual({
      status: 503,
      body: { status: "not-ready", database: false, temporal: false },
    });
    expect((await own.app.inject("/healthz")).json()).toEqual({ status: "ok" });
    await own.close();
  });
});
