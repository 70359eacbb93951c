/** The one way to add a route: schemas, one declared permission, and a handler that sees parsed input only. */
import { createHmac } from "node:crypto";
import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { Problem } from "../contracts/common.schema.ts";
import { type ErrorCode, ERRORS } from "../contracts/errors.ts";
import { ApiProblem } from "../contracts/problem.ts";
import type { Permission } from "../contracts/roles.ts";
import { type Database, prepared, type Transaction } from "../db/client.ts";
import type { Actor } from "../db/queries/audit.ts";
import { once } from "../db/queries/idempotency.ts";
import { withoutDeadlock } from "../db/without-deadlock.ts";
import type { ApiDeps } from "./deps.ts";
import type { Caller } from "./plugins/auth.ts";

type Schema = z.ZodType | undefined;
type Parsed<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined;

/** One request, parsed and allowed. */
export interface Call<P extends Schema, Q extends Schema, B extends Schema> {
  readonly params: Parsed<P>;
  readonly query: Parsed<Q>;
  readonly body: Parsed<B>;
  readonly actor: Actor;
  readonly caller: Caller;
  readonly reply: FastifyReply;
  /** The revision that If-Match names. @throws ApiProblem `request.precondition-required` */
  revision(): number;
  /**
   * Runs the work in one transaction; with an Idempotency-Key, once, and the answer is stored with it.
   * @param part which transaction of the request it is, where there are several: each is answered for itself
   */
  transact<T>(work: (tx: Transaction) => Promise<T>, part?: number): Promise<T>;
}

export interface Route<P extends Schema, Q extends Schema, B extends Schema, A extends z.ZodType> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  /** Name of the operation in the OpenAPI document. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly permission: Permission | "public";
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Content type of a body that is no JSON, and how many bytes it may have. */
  readonly consumes?: { readonly type: string; readonly bytes: number };
  readonly answer: A;
  /** Of an answer that is a {@link TextStream}; JSON when absent. */
  readonly media?: "text/csv" | "text/event-stream";
  /** 200 when absent. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Codes it may refuse with, beside those that every route has. */
  readonly refusals?: readonly ErrorCode[];
  /** `makes`: honours Idempotency-Key. `edits`: demands If-Match. */
  readonly kind?: "makes" | "edits";
  /** Whether its statements are those of many requests before it: they are kept prepared, planned for few rows. */
  readonly repeats?: (body: Parsed<B>) => boolean;
  /** Requests of this kind one address may make in a minute, when fewer than of all. */
  readonly requestsPerMinute?: number;
  handle(call: Call<P, Q, B>): Promise<z.output<A>>;
}

/** An answer that is written as it is made, at the pace of the one who reads it. */
export const TextStream = z.custom<Readable>();

export type AddRoute = <
  A extends z.ZodType,
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
>(
  route: Route<P, Q, B, A>,
) => void;

const IdempotencyHeader = z.looseObject({
  "idempotency-key": z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("Same key and body: same answer, the work is made once. Kept for 24 hours."),
});
const EditHeader = z.looseObject({
  "if-match": z.string().max(50).optional().describe("ETag of the object as it was read; without it 428."),
});

/** Makes the function that adds routes to the app. */
export function routeAdder(app: FastifyInstance, { db }: ApiDeps): AddRoute {
  const kept = prepared(db);
  return (route) => {
    const { repeats } = route;
    const status = route.status ?? 200;
    const headers = route.kind === "makes" ? IdempotencyHeader : route.kind === "edits" ? EditHeader : undefined;
    app.route({
      method: route.method,
      url: route.url,
      ...(route.consumes ? { bodyLimit: route.consumes.bytes } : {}),
      config: {
        permission: route.permission,
        ...(route.requestsPerMinute === undefined
          ? {}
          : { rateLimit: { max: route.requestsPerMinute, timeWindow: 60_000 } }),
      },
      schema: {
        operationId: route.id,
        tags: [route.tag],
        summary: route.summary,
        security: route.permission === "public" ? [] : [{ token: [] }],
        ...(route.permission === "public" ? {} : { description: `Permission: ${route.permission}.` }),
        ...(route.params ? { params: route.params } : {}),
        ...(route.query ? { querystring: route.query } : {}),
        ...(route.body ? { body: route.body } : {}),
        ...(route.consumes ? { consumes: [route.consumes.type] } : {}),
        ...(headers ? { headers } : {}),
        response: { [status]: describeAnswer(route), ...describeProblems(route) },
      },
      preValidation: async (request) => {
        settleBody(request, route.body !== undefined);
        // Before the schemas wrap secrets: the digest must tell one password from another.
        if (route.kind === "makes") request.bodyDigest = digest(request);
      },
      handler: async (request, reply) => {
        reply.code(status);
        if (route.media) reply.type(`${route.media}; charset=utf-8`);
        const answer: unknown = await route.handle(makeCall({ db, kept, repeats }, request, reply));
        const revision = revisionOf(answer);
        if (revision !== undefined) reply.header("etag", `"${revision}"`);
        return status === 204 ? reply.send() : answer;
      },
    });
  };
}

/** No body is an empty one where fields may come, and fields are refused where none may come. */
function settleBody(request: FastifyRequest, takesBody: boolean): void {
  if (takesBody) request.body ??= {};
  else if (typeof request.body === "object" && request.body !== null && Object.keys(request.body).length > 0)
    throw new ApiProblem("request.invalid", "This request takes no fields.");
}

/** What If-Match must name to edit what was answered. */
function revisionOf(answer: unknown): number | undefined {
  const revision = typeof answer === "object" && answer !== null && "revision" in answer ? answer.revision : undefined;
  return typeof revision === "number" ? revision : undefined;
}

/** Keyed with the token, which the database does not hold: nobody can try passwords against the stored digest. */
function digest(request: FastifyRequest): string {
  const text = JSON.stringify([request.method, request.url, request.body ?? null]);
  return createHmac("sha256", request.caller?.value ?? "")
    .update(text)
    .digest("hex");
}

function makeCall<P extends Schema, Q extends Schema, B extends Schema>(
  { db, kept, repeats }: { db: Database; kept: Database; repeats: ((body: Parsed<B>) => boolean) | undefined },
  request: FastifyRequest,
  reply: FastifyReply,
): Call<P, Q, B> {
  const { caller } = request;
  const actor: Actor = {
    actor: caller?.name ?? "",
    person: caller?.owner ?? "",
    requestId: request.id,
    address: request.ip,
  };
  // Fastify's validator compiler has put the schemas' output here; this is the one place that says so.
  const body = request.body as Parsed<B>;
  return {
    params: request.params as Parsed<P>,
    query: request.query as Parsed<Q>,
    body,
    actor,
    get caller() {
      if (!caller) throw new ApiProblem("token.missing");
      return caller;
    },
    reply,
    revision: () => readRevision(request.headers["if-match"]),
    async transact(work, part) {
      const header = request.headers["idempotency-key"];
      const digest = request.bodyDigest;
      const pool = repeats?.(body) ? kept : db;
      if (digest === undefined || typeof header !== "string" || !caller)
        return withoutDeadlock(() => pool.transaction(work));
      // No header holds a line feed: a part's key is nobody's own.
      const key = part === undefined ? header : `${header}\n${part}`;
      const { answer, replayed } = await withoutDeadlock(() => once(pool, { tokenId: caller.id, key, digest }, work));
      if (replayed) reply.header("idempotency-replayed", "true");
      return answer;
    },
  };
}

function readRevision(header: string | undefined): number {
  if (header === undefined) throw new ApiProblem("request.precondition-required");
  const match = /^(?:W\/)?"(\d{1,9})"$/.exec(header.trim());
  if (!match) throw new ApiProblem("request.stale", "If-Match names no ETag of this object.");
  return Number(match[1]);
}

function describeAnswer({
  answer,
  media,
  summary,
}: Pick<Route<Schema, Schema, Schema, z.ZodType>, "answer" | "media" | "summary">) {
  if (media) return { description: summary, content: { [media]: { schema: z.string() } } };
  return answer instanceof z.ZodUndefined
    ? answer.describe("Done.")
    : { description: summary, content: { "application/json": { schema: answer } } };
}

function describeProblems(route: Pick<Route<Schema, Schema, Schema, z.ZodType>, "permission" | "refusals" | "kind">) {
  const codes = new Set<ErrorCode>([
    "request.invalid",
    "request.too-many",
    "service.fault",
    "service.unavailable",
    ...(route.permission === "public" ? [] : (["token.missing", "token.invalid", "permission.denied"] as const)),
    ...(route.kind === "makes" ? (["idempotency.key-reused", "idempotency.in-flight"] as const) : []),
    ...(route.kind === "edits" ? (["request.stale", "request.precondition-required"] as const) : []),
    ...(route.refusals ?? []),
  ]);
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\``).join(", "),
        content: { "application/problem+json": { schema: Problem } },
      },
    ]),
  );
}
