import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";

/** The reference page's own scripts and styles and nothing else; its widgets set style attributes. */
const PAGE_POLICY = {
  "default-src": "'none'",
  "script-src": "'self'",
  "style-src": "'self'",
  "style-src-attr": "'unsafe-inline'",
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
      tidy(makeTransformObject(document) as Document) as ReturnType<typeof makeTransformObject>,
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: PAGE_POLICY,
    theme: { title: "Keyturn API" },
    uiConfig: { url: "/openapi.json", persistAuthorization: false, validatorUrl: null },
  });
}

interface Document {
  components?: { schemas?: Record<string, unknown> };
}

/** The type provider writes each schema twice, as input and output: equal twins become one, unused ones go. */
function tidy(document: Document): Document {
  const schemas = document.components?.schemas ?? {};
  const twins = Object.keys(schemas).filter((name) => {
    const twin = schemas[name.replace(/Input$/, "")];
    return name.endsWith("Input") && twin !== undefined && isTwin(schemas[name], twin);
  });
  let text = JSON.stringify(document);
  for (const name of twins) text = text.replaceAll(reference(name), reference(name.replace(/Input$/, "")));
  const tidied = JSON.parse(text) as Document;
  for (let before = Infinity; ;) {
    const kept = tidied.components?.schemas ?? {};
    const names = Object.keys(kept);
    if (names.length === before) return tidied;
    before = names.length;
    const whole = JSON.stringify(tidied);
    for (const name of names) if (!whole.includes(reference(name))) delete kept[name];
  }
}

function reference(name: string): string {
  return `"#/components/schemas/${name}"`;
}

/** Input and output of one schema differ only in what a reader may ignore: further fields. */
function isTwin(input: unknown, output: unknown): boolean {
  const plain = (schema: unknown) =>
    JSON.stringify(schema, (key, value: unknown) =>
      key === "additionalProperties" && value === false ? undefined : value,
    ).replaceAll(/Input"/g, '"');
  return plain(input) === plain(output);
}
