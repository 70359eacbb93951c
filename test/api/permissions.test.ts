import rateLimit from "@fastify/rate-limit";
import fastify from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addAuth } from "../../api/plugins/auth.ts";
import type { ApiDeps } from "../../api/deps.ts";
import { grants, PERMISSIONS, type Permission, ROLES } from "../../contracts/roles.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";

interface Documented {
  paths: Record<string, Record<string, { description?: string; operationId: string }>>;
}

const SOME_ID = "01900000-0000-7000-8000-00000000abcd";

let api: TestApi;
let routes: { method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"; url: string; permission: Permission | undefined }[];
beforeAll(async () => {
  api = await openTestApi();
  const document = JSON.parse((await api.app.inject("/openapi.json")).body) as Documented;
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { description }]) => ({
      method: method.toUpperCase() as "GET",
      url: path.replace("{id}", SOME_ID).replace("{code}", "1"),
      permission: PERMISSIONS.find((permission) => description === `Permission: ${permission}.`),
    })),
  );
});
afterAll(() => api.close());

describe("permissions", () => {
  test("every route of /v1 declares one and demands a token", async () => {
    expect(routes.length).toBeGreaterThan(25);
    const own = routes.filter((route) => route.url.startsWith("/v1"));
    for (const [index, { method, url, permission }] of own.entries()) {
      expect(permission, `${method} ${url}`).toBeDefined();
      // More failures than one address may make in a minute.
      const response = await api.app.inject({ method, url, remoteAddress: `127.0.1.${index % 250}` });
      expect(response.statusCode, `${method} ${url}`).toBe(401);
      expect(response.json()).toMatchObject({ code: "token.missing" });
    }
  });

  test("only health is public", () => {
    const open = routes.filter(({ permission }) => permission === undefined).map(({ url }) => url);
    expect(open.toSorted()).toEqual(["/healthz", "/readyz"]);
  });

  test("each role gets through exactly where its permissions say", async () => {
    for (const role of ROLES) {
      const ask: Ask = await api.as([role], `only ${role}`);
      for (const { method, url, permission } of routes) {
        if (permission === undefined) continue;
        // An identifier nobody has: whoever gets through is answered by the handler or by the schema. A stream that
        // does not end is asked what its schema refuses.
        const { status } = await ask(method, url.endsWith("/events") ? `${url}?none` : url);
        expect(status === 403, `${role}: ${method} ${url} answered ${status}`).toBe(!grants([role], permission));
      }
    }
  });

  test("a route without a permission cannot be added", async () => {
    const app = fastify();
    await app.register(rateLimit);
    addAuth(app, {} as ApiDeps);
    expect(() => app.get("/v1/forgotten", async () => "open")).toThrow("declares no permission");
    app.get("/v1/declared", { config: { permission: "public" } }, async () => "open");
    await app.close();
  });
});
