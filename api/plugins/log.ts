import type { FastifyInstance } from "fastify";
import type { ApiDeps } from "../deps.ts";

/** A net below the rule that no secret is given to the logger. */
const REDACTED = [
  "req.headers",
  "res.headers",
  "*.authorization",
  "*.password",
  "*.*.password",
  "*.secret",
  "*.value",
  "*.sealed",
];

/** Settings of the app's logger. */
export function logOptions({ log }: ApiDeps) {
  return {
    level: log.level,
    redact: { paths: REDACTED, censor: "[secret]" },
    ...(log.stream ? { stream: log.stream } : {}),
  };
}

/** One line per answer: what was asked by its pattern, by whom, how it ended. Never query, headers or body. */
export function addRequestLog(app: FastifyInstance): void {
  app.addHook("onResponse", async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? "none",
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        token: request.caller?.name,
        address: request.ip,
      },
      "answered",
    );
  });
}
