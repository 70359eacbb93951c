/** The people of a sequence, each with a token of their own, asking the real API over its port. */
import type { Role } from "../../../contracts/roles.ts";
import { type Database } from "../../../db/client.ts";
import { createToken, makeTokenValue } from "../../../db/queries/tokens.ts";
import type { Person } from "./commands.ts";

export interface Reply {
  readonly status: number;
  readonly requestId: string;
  readonly etag: string;
  readonly body: Record<string, unknown>;
  /** When it was asked and answered: milliseconds since 1970. */
  readonly askedAt: number;
  readonly answeredAt: number;
}

export type Asker = (
  method: "GET" | "POST" | "PATCH",
  path: string,
  body?: object,
  headers?: Record<string, string>,
) => Promise<Reply>;

export type Persons = Readonly<Record<Person | "Root", Asker>>;

const ROLES: Readonly<Record<Person | "Root", Role[]>> = {
  Rita: ["operator", "approver"],
  Ada: ["approver"],
  Bob: ["approver"],
  Root: ["administrator"],
};

/** Makes everybody's token before the API starts. */
export async function makeTokens(db: Database): Promise<Record<Person | "Root", string>> {
  const values = { Rita: makeTokenValue(), Ada: makeTokenValue(), Bob: makeTokenValue(), Root: makeTokenValue() };
  for (const [owner, roles] of Object.entries(ROLES))
    await createToken(db, { name: owner, owner, roles, value: values[owner as Person] });
  return values;
}

/** Everybody, asking the API at this address. */
export function askers(url: string, { Rita, Ada, Bob, Root }: Record<Person | "Root", string>): Persons {
  return { Rita: asker(url, Rita), Ada: asker(url, Ada), Bob: asker(url, Bob), Root: asker(url, Root) };
}

function asker(url: string, token: string): Asker {
  return async (method, path, body, headers = {}) => {
    const askedAt = Date.now();
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body ? { "content-type": "application/json" } : {}),
        ...headers,
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    return {
      status: response.status,
      requestId: response.headers.get("x-request-id") ?? "",
      etag: response.headers.get("etag") ?? "",
      body: JSON.parse(text) as Record<string, unknown>,
      askedAt,
      answeredAt: Date.now(),
    };
  };
}
