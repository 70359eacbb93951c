import { createHash } from "node:crypto";
import { ApiProblem } from "../../contracts/problem.ts";

/** What a page answers with. */
export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

function fingerprint(filter: object): string {
  return createHash("sha256").update(JSON.stringify(filter)).digest("base64url").slice(0, 12);
}

/** The filter without the place in the list. */
function filterOf<T extends { cursor?: string | undefined; limit: number }>(query: T): object {
  const { cursor: _cursor, limit: _limit, ...filter } = query;
  return filter;
}

/**
 * Where the page before ended.
 * @throws ApiProblem `request.invalid` for a cursor that was not made by a list with the same filters
 */
export function readCursor<T extends { cursor?: string | undefined; limit: number }>(query: T): string[] | undefined {
  if (query.cursor === undefined) return undefined;
  try {
    const [mark, ...place] = JSON.parse(Buffer.from(query.cursor, "base64url").toString("utf8")) as unknown[];
    if (mark === fingerprint(filterOf(query)) && place.length > 0) return place.map(String);
  } catch {
    // Falls through to the one answer for every cursor that is not ours.
  }
  throw refusedCursor(query.cursor);
}

/** For a cursor that no list made. */
export function refusedCursor(cursor: string): ApiProblem {
  const rule = "must be the nextCursor of a page with the same filters";
  return new ApiProblem("request.invalid", `cursor ${rule}.`, {
    errors: [{ field: "cursor", rule, got: `text of ${cursor.length} characters` }],
  });
}

/** Cuts the one row too many that the list read, and makes the cursor that goes on after the last row kept. */
export function toPage<T, Q extends { cursor?: string | undefined; limit: number }>(
  rows: T[],
  query: Q,
  place: (row: T) => readonly (string | number)[],
): Page<T> {
  const items = rows.slice(0, query.limit);
  const last = items.at(-1);
  if (rows.length <= query.limit || last === undefined) return { items, nextCursor: null };
  const cursor = JSON.stringify([fingerprint(filterOf(query)), ...place(last)]);
  return { items, nextCursor: Buffer.from(cursor).toString("base64url") };
}

/** An ILIKE pattern for "contains", in which the text stands for itself. */
export function contains(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
