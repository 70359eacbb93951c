import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import { gather, gatheringCost, gatherStrays } from "./gather.ts";
import { resolveMatch } from "./match.ts";
import type { Wanted } from "./search.ts";
import { segmentsOf } from "./segments.ts";
import { type Place, sortingOf } from "./sorting.ts";
import { CHEAP, walkIfNear } from "./walk-if-near.ts";
import { walk } from "./walk.ts";

/** At most `limit` places of operations that match, in the order of the sort. */
export async function findOperations(
  db: Database | Transaction,
  filter: OperationFilter,
  wanted: Wanted,
): Promise<Place[]> {
  const match = await resolveMatch(db, filter);
  if (!match) return [];
  const sorting = sortingOf(wanted.sort);
  const search = { db, match, sorting, wanted };
  // Walking would have to read rows, and not an index alone.
  const isCheap = match.more !== undefined && (await gatheringCost(search)) <= CHEAP;
  if (match.few || isCheap) return gather(search);
  const found: Place[] = [];
  for (const segment of await segmentsOf(db, filter, sorting)) {
    const rest = { ...search, wanted: { ...wanted, limit: wanted.limit - found.length } };
    if (rest.wanted.limit === 0) break;
    if ("strays" in segment) {
      found.push(...(await gatherStrays(rest, segment.strays)));
      continue;
    }
    const walked = await walkIfNear({
      limit: rest.wanted.limit,
      walk: (rows) => walk(rest, segment.walk, rows),
      cost: () => gatheringCost(search),
    });
    // What is gathered is all that matches, of every segment.
    if (!walked) return gather(search);
    found.push(...walked);
  }
  return found;
}
