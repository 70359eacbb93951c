import type { OperationFilter, OperationSort } from "../../../contracts/operation-filter.schema.ts";
import type { OperationQuery } from "../../../contracts/operations-list.schema.ts";
import type { Operation } from "../../../contracts/operations.schema.ts";
import type { Database } from "../../client.ts";
import { type Page, readCursor, refusedCursor, toPage } from "../cursor.ts";
import { readOperations } from "../operation.ts";
import { findOperations } from "./find.ts";
import type { Place } from "./sorting.ts";

/** One page of the operations that match. */
export async function listOperations(db: Database, query: OperationQuery): Promise<Page<Operation>> {
  const { include: _include, count: _count, ...listed } = query;
  const { cursor, limit, sort, ...filter } = listed;
  const place = readCursor(listed);
  const after = place && readPlace(place, cursor ?? "");
  const found = await findOperations(db, filter, { sort, after, limit: limit + 1 });
  const { items, nextCursor } = toPage(found, listed, ({ key, code }) => [key, code]);
  return { items: await readOperations(db, codesOf(items)), nextCursor };
}

function readPlace([key = "", code = ""]: readonly string[], cursor: string): Place {
  if (/^(?:-?\d{1,18}|-Infinity)$/.test(key) && /^\d{1,15}$/.test(code)) return { key, code: Number(code) };
  throw refusedCursor(cursor);
}

function codesOf(places: readonly Place[]): number[] {
  return places.map(({ code }) => code);
}

/** Operations of one step of an export: few enough for memory, many enough to be quick. */
const STEP = 1000;

/**
 * All operations that match, page by page as they are asked for: no snapshot and no connection is held while a slow
 * reader takes its time. What changes its place in the order meanwhile may be met there again, or missed.
 */
export async function* exportOperations(
  db: Database,
  filter: OperationFilter,
  sort: OperationSort,
): AsyncGenerator<Operation[]> {
  for (let after: Place | undefined; ;) {
    const found = await findOperations(db, filter, { sort, after, limit: STEP });
    yield await readOperations(db, codesOf(found));
    after = found.at(-1);
    if (found.length < STEP) return;
  }
}
