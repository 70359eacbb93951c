import type { Found } from "./find-leaks.ts";

interface Request {
  readonly token?: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** Sent as it is. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Reply<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** Asks the real API over its port and keeps every answer, except those that exist to show a password. */
export class Web {
  readonly answers: Found[] = [];
  readonly #url: string;
  #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Asks; the status may be any. */
  async ask<T = Record<string, unknown>>(method: string, path: string, request: Request = {}): Promise<Reply<T>> {
    const { token = this.#token, body, raw, headers } = request;
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body || raw !== undefined ? { "content-type": "application/json" } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : raw === undefined ? {} : { body: raw }),
    });
    const text = await response.text();
    // The pattern, not the path: a path may hold the canary that the test put there.
    const where = `HTTP answer ${this.answers.length} (${method} ${path.split(/[/?]/).slice(1, 3).join("/")}, ${response.status})`;
    if (!path.endsWith("/reveal"))
      this.answers.push({ where, text: `${JSON.stringify([...response.headers])}\n${text}` });
    const isJson = response.headers.get("content-type")?.includes("json") && text !== "";
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
  }

  /** Asks for something that must go well. @throws Error with the answer, which was kept already */
  async get<T = Record<string, unknown>>(method: string, path: string, request: Request = {}): Promise<T> {
    const { status, body } = await this.ask<T>(method, path, request);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
}
