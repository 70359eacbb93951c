import { sql } from "drizzle-orm";
import type { OperationFilter } from "../../../contracts/operation-filter.schema.ts";
import type { Total } from "../../../contracts/operations-list.schema.ts";
import { OPERATION_STATES } from "../../../contracts/states.ts";
import type { Database } from "../../client.ts";
import { countOperations } from "../operation-counts.ts";
import { postgresFault } from "../../postgres-error.ts";
import { findOperations } from "./find.ts";

/** What is counted at most, and how long at most. */
const CAP = 10_000;
const LIMIT = sql.raw("set local statement_timeout = '2s'");
const TIMED_OUT = "57014";

/** How many operations match, up to 10,000; null when it could not be told in time. */
export async function countMatching(db: Database, filter: OperationFilter): Promise<Total | null> {
  const { state, ...others } = filter;
  if (Object.values(others).every((value) => value === undefined)) {
    const counts = await countOperations(db);
    const states = state ? [...new Set(state)] : OPERATION_STATES;
    const count = states.map((each) => counts[each]).reduce((sum, each) => sum + each, 0);
    return { count: Math.min(count, CAP), capped: count > CAP };
  }
  try {
    const found = await db.transaction(async (tx) => {
      await tx.execute(LIMIT);
      return findOperations(tx, filter, { sort: "-code", after: undefined, limit: CAP + 1 });
    });
    return { count: Math.min(found.length, CAP), capped: found.length > CAP };
  } catch (error) {
    if (postgresFault(error)?.code === TIMED_OUT) return null;
    throw error;
  }
}
