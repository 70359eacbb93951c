import type { FastifyInstance, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import type { Problem } from "../../contracts/common.schema.ts";
import { ERRORS } from "../../contracts/errors.ts";
import { ApiProblem, type ProblemExtras } from "../../contracts/problem.ts";
import { SecretUnreadable } from "../../crypto/envelope.ts";
import { postgresFault } from "../../db/postgres-error.ts";
import { fieldName, ruleText } from "../refused-input.ts";

/** Sends every failure as RFC 9457 problem details, by lookup in the catalogue. */
export function addErrors(app: FastifyInstance): void {
  app.setErrorHandler(async (error, request, reply) => {
    const problem = toProblem(error, request);
    if (ERRORS[problem.code].status >= 500) request.log.error({ err: describeFault(error) }, "request failed");
    await reply.code(ERRORS[problem.code].status).type("application/problem+json").send(toBody(problem, request));
  });
  app.setNotFoundHandler(async (request, reply) => {
    const problem = new ApiProblem("request.not-found");
    await reply.code(404).type("application/problem+json").send(toBody(problem, request));
  });
}

function toBody(problem: ApiProblem, request: FastifyRequest): Problem {
  const { status, title } = ERRORS[problem.code];
  const { errors, complaints, ...extras } = problem.extras;
  return {
    type: `urn:keyturn:problem:${problem.code}`,
    title,
    status,
    detail: problem.message,
    code: problem.code,
    requestId: request.id,
    ...(errors ? { errors: [...errors] } : {}),
    ...(complaints ? { complaints: [...complaints] } : {}),
    ...extras,
  };
}

function toProblem(error: unknown, request: FastifyRequest): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) return describeInvalid(error, request);
  if (error instanceof SecretUnreadable) return new ApiProblem("secret.unreadable");
  const fault = postgresFault(error);
  return (fault && fromDatabase(fault)) ?? fromFastify(error, request) ?? new ApiProblem("service.fault");
}

const CONFLICTS: Readonly<Record<string, string>> = {
  devices_name_active: "An active device has this name.",
  templates_name_active: "An active template of this plugin and kind has this name.",
  credentials_identity_active: "An active credential has this device, plugin, user name, domain and additional info.",
};

const REFERENCES: Readonly<Record<string, string>> = {
  credentials_device_id_devices_id_fk: "deviceId",
  credentials_authentication_credential_id_credentials_id_fk: "authenticationCredentialId",
  credentials_parent_credential_id_credentials_id_fk: "parentCredentialId",
  credentials_strength_id_strengths_id_fk: "strengthId",
  credentials_template_id_templates_id_fk: "templateId",
  credentials_reconciliation_template_id_templates_id_fk: "reconciliation.templateId",
};

/** SQLSTATE of values PostgreSQL cannot hold: characters, numbers and dates out of range. */
const UNSTORABLE = new Set(["22003", "22008", "22021", "22P02", "22P05"]);
/** SQLSTATE classes and driver codes of a database that is away. */
const AWAY = /^(08...|57P0.|53...|ECONN.*|ENOTFOUND|EPIPE|CONNECT.*|CONNECTION_.*)$/;

function fromDatabase({ code, constraint }: NonNullable<ReturnType<typeof postgresFault>>): ApiProblem | undefined {
  if (code === "23505") return new ApiProblem("request.conflict", CONFLICTS[constraint ?? ""]);
  if (code === "23503")
    return invalid([
      {
        field: REFERENCES[constraint ?? ""] ?? "body",
        rule: "must be the id of an existing object",
        got: "another id",
      },
    ]);
  if (UNSTORABLE.has(code)) return new ApiProblem("request.invalid", "A value holds what the database cannot store.");
  return AWAY.test(code) ? new ApiProblem("service.unavailable") : undefined;
}

/** Fastify's own refusals. Their messages can quote the body, so only their kind is told. */
function fromFastify(error: unknown, { routeOptions }: FastifyRequest): ApiProblem | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  const [type = "application/json"] = routeOptions.schema?.consumes ?? [];
  if (status === 413)
    return new ApiProblem(
      "request.invalid",
      `The body is larger than the ${routeOptions.bodyLimit} bytes allowed here.`,
    );
  if (status === 415) return new ApiProblem("request.invalid", `The body must have content-type ${type}.`);
  if (typeof status === "number" && status >= 400 && status < 500)
    return new ApiProblem("request.invalid", `The body is not ${type}, or the request is malformed.`);
  return undefined;
}

function invalid(errors: NonNullable<ProblemExtras["errors"]>): ApiProblem {
  const detail = errors.map(({ field, rule }) => `${field}: ${rule}`).join("; ");
  return new ApiProblem("request.invalid", `${detail}.`.slice(0, 2000), { errors });
}

interface Invalid {
  readonly validation?: readonly {
    readonly instancePath: string;
    readonly message?: string;
    readonly params: Readonly<Record<string, unknown>>;
  }[];
  readonly validationContext?: string;
}

const MAX_ERRORS = 20;

function describeInvalid({ validation = [], validationContext }: Invalid, request: FastifyRequest): ApiProblem {
  const sent =
    validationContext === "body"
      ? request.body
      : validationContext === "querystring"
        ? request.query
        : validationContext === "params"
          ? request.params
          : request.headers;
  return invalid(
    validation.slice(0, MAX_ERRORS).map(({ instancePath, message, params }) => {
      const path = instancePath.split("/").filter((part) => part !== "");
      return {
        field: fieldName(path) || (validationContext ?? "body"),
        rule: ruleText(message ?? "is not valid", params["keys"]),
        got: shapeAt(sent, path),
      };
    }),
  );
}

/** The shape of what was sent there: enough to mend it, and never a value. */
function shapeAt(sent: unknown, path: readonly string[]): string {
  let value = sent;
  for (const part of path) {
    // One value of a query string's field stands for a list of one.
    if (typeof value === "string") break;
    value = typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined;
  }
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `list of ${value.length}`;
  return typeof value === "string" ? `text of ${value.length} characters` : typeof value;
}

/** What the log keeps of a fault: drizzle's message quotes parameters, so only the driver's own words are taken. */
export function describeFault(error: unknown): object {
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  if (!(root instanceof Error)) return { name: typeof root };
  const fault = postgresFault(error);
  return { name: root.name, message: root.message, stack: root.stack, ...(fault ? { code: fault.code } : {}) };
}
