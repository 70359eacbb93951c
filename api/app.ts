import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import fastify, { type FastifyInstance, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { ApiProblem } from "../contracts/problem.ts";
import { newId } from "../db/new-id.ts";
import type { ApiDeps } from "./deps.ts";
import { addAuth } from "./plugins/auth.ts";
import { addClosing } from "./plugins/closing.ts";
import { addErrors } from "./plugins/errors.ts";
import { addJsonBody } from "./plugins/json-body.ts";
import { addRequestLog, logOptions } from "./plugins/log.ts";
import { addMetrics } from "./plugins/metrics.ts";
import { addOpenApi } from "./plugins/openapi.ts";
import { type AddRoute, routeAdder } from "./route.ts";
import { addAdministrationRoutes } from "./routes/administration.ts";
import { addChildrenRoutes } from "./routes/children.ts";
import { addCredentialEventRoutes } from "./routes/credential-events.ts";
import { addCredentialRoutes } from "./routes/credentials.ts";
import { addDashboardRoute } from "./routes/dashboard.ts";
import { addDeviceRoutes } from "./routes/devices.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addBulkActionRoutes } from "./routes/bulk-actions.ts";
import { addImportRoute } from "./routes/import.ts";
import { addAttemptRoutes } from "./routes/attempts.ts";
import { addOperationActionRoutes } from "./routes/operation-actions.ts";
import { addOperationRequestRoutes } from "./routes/operation-requests.ts";
import { addOperationEventRoutes } from "./routes/operation-events.ts";
import { addOperationListRoutes } from "./routes/operations-list.ts";
import { addOperationRoutes } from "./routes/operations.ts";
import { addPasswordChangeRoutes } from "./routes/password-changes.ts";
import { addPasswordRoutes } from "./routes/passwords.ts";
import { addPolicyRoutes } from "./routes/policies.ts";
import { addReconcileRoutes } from "./routes/reconcile.ts";
import { addRehearseRoute } from "./routes/rehearse.ts";
import { addSiteRoutes } from "./routes/sites.ts";
import { addStrengthRoutes } from "./routes/strengths.ts";
import { addTemplateFileRoutes } from "./routes/template-files.ts";
import { addTemplateVersionRoutes } from "./routes/template-versions.ts";
import { addTemplateRoutes } from "./routes/templates.ts";
import { addTokenRoutes } from "./routes/tokens.ts";

/** Room for 10,000 ids and their commas, twice. */
const BODY_BYTES = 1_000_000;

/** The API, ready for requests, not listening. */
export async function buildApp(deps: ApiDeps): Promise<FastifyInstance> {
  const app = fastify({
    logger: logOptions(deps),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId(),
    requestIdHeader: false,
    bodyLimit: BODY_BYTES,
    trustProxy: deps.trustedProxy ?? false,
    routerOptions: { maxParamLength: 200 },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  addErrors(app);
  addClosing(app);
  addJsonBody(app);
  addRequestLog(app);
  const metrics = addMetrics(app, deps);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id).header("cache-control", "no-store");
  });
  await app.register(helmet, {
    // TLS ends before this process; the proxy there decides about HSTS.
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
  });
  await app.register(rateLimit, {
    max: deps.requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, { after }) => new ApiProblem("request.too-many", `Try again in ${after}.`),
  });
  addAuth(app, deps);
  await addOpenApi(app);
  const add = routeAdder(app, deps);
  addHealthRoutes(app, { add, deps, metrics });
  addOperationEventRoutes(app, { add, deps });
  addRoutes(add, deps);
  await addImportRoute(app, deps);
  await app.ready();
  return app;
}

/** Those that need nothing but what every route gets. */
function addRoutes(add: AddRoute, deps: ApiDeps): void {
  addDeviceRoutes(add, deps);
  addCredentialRoutes(add, deps);
  addChildrenRoutes(add, deps);
  addPasswordRoutes(add, deps);
  addReconcileRoutes(add, deps);
  addRehearseRoute(add, deps);
  addPasswordChangeRoutes(add, deps);
  addOperationListRoutes(add, deps);
  addOperationRoutes(add, deps);
  addAttemptRoutes(add, deps);
  addOperationRequestRoutes(add, deps);
  addOperationActionRoutes(add, deps);
  addBulkActionRoutes(add, deps);
  addCredentialEventRoutes(add);
  addPolicyRoutes(add, deps);
  addStrengthRoutes(add, deps);
  addSiteRoutes(add, deps);
  addDashboardRoute(add, deps);
  addTemplateRoutes(add, deps);
  addTemplateVersionRoutes(add, deps);
  addTemplateFileRoutes(add, deps);
  addTokenRoutes(add, deps);
  addAdministrationRoutes(add, deps);
}
