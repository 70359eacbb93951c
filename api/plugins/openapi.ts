import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { type OpenApiDocument, tidySchemas } from "./tidy-schemas.ts";

/** The reference page's own scripts and styles, and nothing else. */
const PAGE_POLICY = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' data:",
  "connect-src": "'self'",
  "base-uri": "'none'",
  "form-action": "'none'",
  "frame-ancestors": "'none'",
};

/** zod writes long patterns beside formats that say the same. */
const zodToJsonConfig = {
  override: ({ jsonSchema }: { jsonSchema: { format?: string | undefined; pattern?: string | undefined } }) => {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  },
};

const makeTransformObject = createJsonSchemaTransformObject({ zodToJsonConfig });

/** OpenAPI 3.1 of all routes at /openapi.json, and the reference page at /docs/. */
export async function addOpenApi(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.1",
      info: {
        title: "Keyturn",
        version: "1",
        description:
          "Changes the passwords of privileged accounts on real systems. Errors are problem details (RFC 9457) with a stable `code`; lists go on with `cursor`; edits need `If-Match`.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: "/" }],
      components: { securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "kt_…" } } },
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig }),
    transformObject: (document) =>
      tidySchemas(makeTransformObject(document) as OpenApiDocument) as ReturnType<typeof makeTransformObject>,
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: PAGE_POLICY,
    theme: { title: "Keyturn API" },
    // No bar that loads other documents, and no badge from an outside validator.
    uiConfig: { layout: "BaseLayout", persistAuthorization: false, validatorUrl: null },
  });
}
