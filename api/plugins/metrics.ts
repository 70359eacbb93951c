import type { FastifyInstance } from "fastify";
import { collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { oldestOverdue } from "../../db/queries/dashboard.ts";
import { countOverdue } from "../../db/queries/health.ts";
import { OPERATION_STATES } from "../../contracts/states.ts";
import { countLateRemovals } from "../../db/queries/removal.ts";
import { countOperations } from "../../db/queries/operation-counts.ts";
import type { ApiDeps } from "../deps.ts";

/** Measures requests, and tells the state of the operations whenever /metrics is read. */
export function addMetrics(app: FastifyInstance, { db }: ApiDeps): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: "keyturn_http_request_seconds",
    help: "Time to answer a request.",
    labelNames: ["method", "route", "status"],
    buckets: [0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers: [registry],
  });
  new Gauge({
    name: "keyturn_operations",
    help: "Operations by state.",
    labelNames: ["state"],
    registers: [registry],
    async collect() {
      const counts = await countOperations(db);
      for (const state of OPERATION_STATES) this.set({ state }, counts[state]);
    },
  });
  new Gauge({
    name: "keyturn_operations_overdue",
    help: "Open operations that should have moved two minutes ago; 0 when all is well.",
    registers: [registry],
    async collect() {
      this.set(await countOverdue(db));
    },
  });
  new Gauge({
    name: "keyturn_oldest_overdue_seconds",
    help: "Since when the oldest change that a policy wants is due without an operation; above 300 somebody should look.",
    registers: [registry],
    async collect() {
      this.set(await oldestOverdue(db));
    },
  });
  new Gauge({
    name: "keyturn_ephemeral_removals_late",
    help: "Ephemeral accounts that should be gone for five minutes and are not proven to be; above 0 somebody should look.",
    registers: [registry],
    async collect() {
      this.set(await countLateRemovals(db));
    },
  });
  app.addHook("onResponse", async (request, reply) => {
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: String(reply.statusCode),
    };
    durations.observe(labels, reply.elapsedTime / 1000);
  });
  return registry;
}
