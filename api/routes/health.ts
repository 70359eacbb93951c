import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { z } from "zod";
import { Readiness } from "../../contracts/administration.schema.ts";
import { databaseAnswers } from "../../db/queries/health.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

export function addHealthRoutes(
  app: FastifyInstance,
  { add, deps, metrics }: { add: AddRoute; deps: ApiDeps; metrics: Registry },
): void {
  add({
    method: "GET",
    url: "/healthz",
    id: "health",
    tag: "health",
    summary: "Whether the process answers",
    permission: "public",
    answer: z.object({ status: z.literal("ok") }),
    handle: async () => ({ status: "ok" as const }),
  });
  add({
    method: "GET",
    url: "/readyz",
    id: "readiness",
    tag: "health",
    summary: "Whether database and Temporal answer; 503 when one does not",
    permission: "public",
    answer: Readiness,
    handle: async ({ reply }) => {
      const [database, temporal] = await Promise.all([databaseAnswers(deps.db), deps.orchestrator.answers()]);
      const ready = database && temporal;
      if (!ready) reply.code(503);
      return { status: ready ? ("ready" as const) : ("not-ready" as const), database, temporal };
    },
  });
  app.get("/metrics", { config: { permission: "public" }, schema: { hide: true } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  app.get("/openapi.json", { config: { permission: "public" }, schema: { hide: true } }, async () => app.swagger());
}
