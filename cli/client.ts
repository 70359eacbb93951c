import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Problem } from "../contracts/common.schema.ts";
import { CliError, EXIT, exitCodeForStatus } from "./exit-codes.ts";

/** An answer of the API that is not a success. */
export class ApiError extends CliError {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, problem: Partial<Problem>) {
    const fields = (problem.errors ?? []).map((error) => `${error.field}: ${error.rule}`);
    const message = [problem.title ?? `The API answered ${status}.`, ...fields].join("\n  ");
    super(exitCodeForStatus(status), message, problem.detail ?? "");
    this.status = status;
    this.code = problem.code;
  }
}

export type Query = Readonly<Record<string, string | number | boolean | readonly (string | number)[] | undefined>>;

interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

interface Call {
  readonly method: string;
  readonly url: URL;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A text that is sent as it is. */
interface Upload {
  readonly type: string;
  readonly text: Uint8Array<ArrayBuffer>;
}

/** The longest Retry-After that is waited for without asking. Seconds. */
const PATIENCE_SECONDS = 30;

function withQuery(url: URL, query: Query): URL {
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) url.searchParams.append(name, String(one));
  return url;
}

function ifMatch(revision: number | undefined): Record<string, string> {
  return revision === undefined ? {} : { "if-match": `"${revision}"` };
}

async function problemOf(response: Response): Promise<Partial<Problem>> {
  try {
    return (await response.json()) as Partial<Problem>;
  } catch {
    return {};
  }
}

/** Speaks HTTP to one Keyturn API. Every method throws {@link ApiError}, or CliError when nobody answers. */
export class Client {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.#base = base.endsWith("/") ? base : `${base}/`;
    this.#token = token;
  }

  async get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return this.#call<Answer>({ method: "GET", url: withQuery(this.#url(path), query) });
  }

  /** POSTs under a fresh Idempotency-Key: if the answer is lost on the way it is asked for once more, and made once. */
  async post<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.#call<Answer>({
      method: "POST",
      url: this.#url(path),
      body,
      headers: { "idempotency-key": randomUUID() },
    });
  }

  /** @param revision of the object as it was read; the edit is refused when somebody else was faster */
  async put<Answer>(path: string, body: unknown, revision?: number): Promise<Answer> {
    return this.#call<Answer>({ method: "PUT", url: this.#url(path), body, headers: ifMatch(revision) });
  }

  /** @param revision of the object as it was read; the edit is refused when somebody else was faster */
  async patch<Answer>(path: string, body: unknown, revision: number): Promise<Answer> {
    return this.#call<Answer>({ method: "PATCH", url: this.#url(path), body, headers: ifMatch(revision) });
  }

  /** Sends a file. Only what does the same when it is repeated may be sent so. */
  async upload<Answer>(path: string, query: Query, { type, text }: Upload): Promise<Answer> {
    return this.#call<Answer>({
      method: "POST",
      url: withQuery(this.#url(path), query),
      body: text,
      headers: { "content-type": type },
    });
  }

  /** Reads an object whose revision stands in the ETag alone. */
  async read<Answer>(path: string): Promise<{ answer: Answer; revision: number }> {
    const response = await this.#respond({ method: "GET", url: this.#url(path) });
    const revision = Number(/"(\d+)"/.exec(response.headers.get("etag") ?? "")?.[1]);
    return { answer: (await response.json()) as Answer, revision };
  }

  /** Opens an answer that is text and may be long. */
  async open(
    path: string,
    query: Query = {},
    more: Pick<Call, "headers" | "signal"> = {},
  ): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#respond({ method: "GET", url: withQuery(this.#url(path), query), ...more });
    return response.body ?? new ReadableStream();
  }

  async delete(path: string): Promise<void> {
    await this.#call({ method: "DELETE", url: this.#url(path) });
  }

  /** Reads page after page until the list or `limit` ends. `more` says whether something is left. */
  async list<Item>(
    path: string,
    query: Query,
    limit = Number.POSITIVE_INFINITY,
  ): Promise<{ items: Item[]; more: boolean }> {
    const items: Item[] = [];
    let cursor: string | undefined;
    do {
      const left = limit - items.length;
      const page: Page<Item> = await this.get<Page<Item>>(path, { ...query, limit: Math.min(200, left), cursor });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && items.length < limit);
    return { items, more: cursor !== undefined };
  }

  #url(path: string): URL {
    return new URL(path, this.#base);
  }

  async #call<Answer>(call: Call): Promise<Answer> {
    const response = await this.#respond(call);
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }

  /** The first answer that is a success, once what asks for patience was waited for. */
  async #respond(call: Call): Promise<Response> {
    for (;;) {
      const response = await this.#send(call);
      if (response.ok) return response;
      const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
      if (response.status !== 429 || !(seconds <= PATIENCE_SECONDS))
        throw new ApiError(response.status, await problemOf(response));
      await response.body?.cancel();
      await sleep(seconds * 1000);
    }
  }

  async #send(call: Call): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${this.#token}`,
      accept: "application/json",
      ...call.headers,
    };
    const init: RequestInit = { method: call.method, headers, signal: call.signal ?? null };
    if (call.body instanceof Uint8Array) init.body = call.body as Uint8Array<ArrayBuffer>;
    else if (call.body !== undefined) {
      headers["content-type"] = "application/json";
      init.body = JSON.stringify(call.body);
    }
    const repeatable = call.method === "GET" || headers["idempotency-key"] !== undefined;
    try {
      return await fetch(call.url, init).catch((error: unknown) => {
        if (!repeatable) throw error;
        return fetch(call.url, init);
      });
    } catch (cause) {
      throw new CliError(
        EXIT.unavailable,
        `Keyturn does not answer at ${call.url.origin}.`,
        "Start it with `npm start`, or say where it is with --url or KEYTURN_URL.",
        { cause },
      );
    }
  }
}
