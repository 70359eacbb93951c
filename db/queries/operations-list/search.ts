import type { OperationSort } from "../../../contracts/operation-filter.schema.ts";
import type { Database, Transaction } from "../../client.ts";
import type { Match } from "./match.ts";
import type { Place, Sorting } from "./sorting.ts";

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
