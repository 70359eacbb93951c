import { and, count, desc, eq, gte, inArray, lt, notInArray, sql } from "drizzle-orm";
import type { AttemptCounts, AttemptCountsQuery } from "../../contracts/attempts-list.schema.ts";
import { SUCCESSES } from "../../contracts/outcome.ts";
import type { Database } from "../client.ts";
import { attempts, devices } from "../schema/index.ts";

/** Devices that are told of, those with most failures first. */
const MOST = 1000;

const SUCCEEDED = sql<number>`(count(*) filter (where ${inArray(attempts.outcome, [...SUCCESSES])}))::int`;
const FAILED = sql<number>`(count(*) filter (where ${notInArray(attempts.outcome, [...SUCCESSES])}))::int`;
const COUNTS = { attempts: count(), succeeded: SUCCEEDED, failed: FAILED };

/** Attempts that began within a time, by how they ended or by device. */
export async function countAttempts(db: Database, { by, from, to }: AttemptCountsQuery): Promise<AttemptCounts> {
  const within = and(gte(attempts.startedAt, from), lt(attempts.startedAt, to));
  if (by === "outcome")
    return {
      items: await db
        .select({ outcome: attempts.outcome, ...COUNTS })
        .from(attempts)
        .where(within)
        .groupBy(attempts.outcome)
        .orderBy(desc(count()), attempts.outcome),
    };
  return {
    items: await db
      .select({ device: { id: devices.id, name: devices.name }, ...COUNTS })
      .from(attempts)
      .innerJoin(devices, eq(devices.id, attempts.deviceId))
      .where(within)
      .groupBy(devices.id)
      .orderBy(desc(FAILED), desc(count()), devices.id)
      .limit(MOST),
  };
}
