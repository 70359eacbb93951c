import type { OperationFilter, OperationSort } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import { gather, gatheringCost, gatherStrays } from "./gather.ts";
import { type Match, resolveMatch } from "./match.ts";
import { regionOf } from "./region.ts";
import { type Place, type Sorting, sortingOf } from "./sorting.ts";
import { walkOrGather } from "./walk-or-gather.ts";
import { walk } from "./walk.ts";

export interface Wanted {
  readonly sort: OperationSort;
  /** Where the page before ended. */
  readonly after: Place | undefined;
  readonly limit: number;
}

/** One search under way. */
export interface Search {
  readonly db: Database | Transaction;
  readonly match: Match;
  readonly sorting: Sorting;
  readonly wanted: Wanted;
}

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
  if (match.few) return gather(search);
  const region = await regionOf(db, filter, sorting);
  const [places, ...strays] = await Promise.all([
    walkOrGather({
      limit: wanted.limit,
      walk: (rows) => walk(search, region.within, rows),
      cost: () => gatheringCost(search),
      gather: () => gather(search),
    }),
    ...region.strays.map((strays) => gatherStrays(search, strays)),
  ]);
  return strays.length === 0 ? places : merge([...places, ...strays.flat()], search);
}

/** Strays of two sorts may be the same operation. */
function merge(places: readonly Place[], { sorting, wanted }: Search): Place[] {
  const unique = new Map(places.map((place) => [place.code, place]));
  return [...unique.values()].toSorted(sorting.compare).slice(0, wanted.limit);
}
