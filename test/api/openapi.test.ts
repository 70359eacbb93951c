import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestApi, type TestApi } from "../helpers/api.ts";

interface Operation {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required?: boolean }[];
  requestBody?: object;
  responses: Record<string, { description: string; content?: Record<string, { schema: object }> }>;
}

let api: TestApi;
let text: string;
let version: string;
let paths: Record<string, Record<string, Operation>>;
let schemas: Record<string, unknown>;
beforeAll(async () => {
  api = await openTestApi();
  text = (await api.app.inject("/openapi.json")).body;
  const document = JSON.parse(text) as {
    openapi: string;
    paths: typeof paths;
    components: { schemas: typeof schemas };
  };
  version = document.openapi;
  paths = document.paths;
  ({ schemas } = document.components);
});
afterAll(() => api.close());

describe("the OpenAPI document", () => {
  const operations = () =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  test("holds every route under one unique name, with its path parameters", () => {
    expect(version).toMatch(/^3\.1\./);
    const names = operations().map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { path, operation } of operations()) {
      const declared = (operation.parameters ?? []).filter((each) => each.in === "path").map(({ name }) => name);
      expect(declared, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(operation.summary).not.toBe("");
    }
    for (const { path, method } of operations())
      expect(
        api.app.hasRoute({ method: method.toUpperCase() as "GET", url: path.replaceAll(/\{(\w+)\}/g, ":$1") }),
      ).toBe(true);
  });

  test("refers only to schemas it holds, and holds none that nothing refers to", () => {
    const referred = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name));
    expect(referred).toEqual(new Set(Object.keys(schemas)));
  });

  test("holds no twin schemas", () => {
    const seen = new Map<string, string>();
    for (const [name, schema] of Object.entries(schemas)) {
      expect(name).not.toMatch(/Input$|Output$/);
      const twin = seen.get(JSON.stringify(schema));
      expect(twin, `${name} and ${twin}`).toBeUndefined();
      seen.set(JSON.stringify(schema), name);
    }
  });

  test("describes each refusal as problem details, and bodies that refuse unknown fields", () => {
    for (const { path, method, operation } of operations())
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        if (Number(status) < 400) continue;
        expect(Object.keys(content ?? {}), `${method} ${path}`).toEqual(["application/problem+json"]);
        expect(description).toMatch(/^`[a-z.-]+`/);
      }
    for (const name of ["NewDevice", "DevicePatch", "NewCredential", "ChangesRequest", "SettingsPatch", "TokenRequest"])
      expect(schemas[name]).toMatchObject({ type: "object", additionalProperties: false });
  });
});

test("the reference page runs under a strict policy from this server alone", async () => {
  const page = await api.app.inject("/docs/");
  expect(page.statusCode).toBe(200);
  const policy = String(page.headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).not.toMatch(/script-src[^;]*unsafe|https?:/);
  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? "");
  expect(sources.length).toBeGreaterThan(4);
  for (const source of sources) {
    const part = await api.app.inject(new URL(source, "http://localhost/docs/").pathname);
    expect(part.statusCode, source).toBe(200);
  }
  // Inline scripts would be refused by the policy.
  expect(page.body).not.toMatch(/<script(?![^>]*\bsrc=)/);
  expect((await api.app.inject("/docs/json")).json()).toEqual(JSON.parse(text));
  const answer = await api.app.inject("/healthz");
  expect(answer.headers["content-security-policy"]).toBe(
    "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  );
});
