import { postgresFault } from "./postgres-error.ts";

/** Two that wait for each other meet once; a third time is a fault. */
const TRIES = 3;

/**
 * Runs a transaction again that PostgreSQL gave up because two waited for each other: a bulk request takes the open
 * places of credentials in the order of their ids, a bulk restart in that of its codes.
 */
export async function withoutDeadlock<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1)
    try {
      return await transaction();
    } catch (error) {
      if (postgresFault(error)?.code !== "40P01" || tries === TRIES) throw error;
    }
}
