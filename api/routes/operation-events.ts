import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { EventQuery, type OperationEvent } from "../../contracts/operation-events.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { OperationState } from "../../contracts/states.ts";
import { type EventPlace, isKept, presentPlace } from "../../db/queries/operation-events.ts";
import type { ApiDeps } from "../deps.ts";
import { type EventHub, openEventHub } from "../event-hub.ts";
import { type AddRoute, TextStream } from "../route.ts";

/** A token that was revoked meanwhile listens no longer than this; who may goes on with Last-Event-ID. */
const LONGEST_MS = 15 * 60_000;
const RETRY_MS = 2000;

export function addOperationEventRoutes(app: FastifyInstance, { add, deps }: { add: AddRoute; deps: ApiDeps }): void {
  const hub = openEventHub(deps.db);
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
  add({
    method: "GET",
    url: "/v1/operations/events",
    id: "followOperations",
    tag: "operations",
    summary:
      "Server-sent events: every change of state from now on, or from Last-Event-ID on; `reset` when that is too old",
    permission: "read",
    query: EventQuery,
    answer: TextStream,
    media: "text/event-stream",
    async handle({ query: { state }, reply }) {
      const asked = readPlace(reply.request.headers["last-event-id"]);
      const kept = asked !== undefined && (await isKept(deps.db, asked));
      const place = kept ? asked : await presentPlace(deps.db);
      reply.header("x-accel-buffering", "no");
      const left = new AbortController();
      reply.raw.once("close", () => left.abort());
      const ended = AbortSignal.any([closing.signal, left.signal, AbortSignal.timeout(LONGEST_MS)]);
      const stream = { hub, place, states: state && new Set(state), isReset: asked !== undefined && !kept };
      return Readable.from(textOf(stream, ended), { highWaterMark: 1 });
    },
  });
}

function readPlace(header: string | string[] | undefined): EventPlace | undefined {
  if (header === undefined || header === "") return undefined;
  const [, xid, id] = /^(\d{1,18})\.(\d{1,15})$/.exec(String(header)) ?? [];
  if (xid !== undefined && id !== undefined) return { xid: BigInt(xid), id: Number(id) };
  const rule = "must be the id of an event of this stream";
  throw new ApiProblem("request.invalid", `Last-Event-ID ${rule}.`, {
    errors: [{ field: "Last-Event-ID", rule, got: `text of ${String(header).length} characters` }],
  });
}

interface Stream {
  readonly hub: EventHub;
  readonly place: EventPlace;
  readonly states: ReadonlySet<OperationState> | undefined;
  readonly isReset: boolean;
}

async function* textOf({ hub, place, states, isReset }: Stream, signal: AbortSignal): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n${isReset ? "event: reset\ndata: {}\n" : ""}id: ${idOf(place)}\n\n`;
  for await (const told of hub.follow(place, signal)) {
    const wanted = told.events.filter(({ event }) => !states || states.has(event.state));
    const text = wanted.map(({ event, ...at }) => `id: ${idOf(at)}\nevent: operation\ndata: ${dataOf(event)}\n\n`);
    // Without events the place moves on all the same, and the connection is seen to live.
    yield wanted.length > 0 ? text.join("") : `: \nid: ${idOf(told.place)}\n\n`;
  }
}

function dataOf(event: OperationEvent): string {
  return JSON.stringify(event);
}

function idOf({ xid, id }: EventPlace): string {
  return `${xid}.${id}`;
}
