import { and, count, desc, eq, gte, lt, sql } from "drizzle-orm";
import type { AttemptCounts, AttemptCountsQuery } from "../../contracts/attempts-list.schema.ts";
import type { Database } from "../client.ts";
import { attempts, devices } from "../schema/index.ts";

/** Devices that are told of, those with most failures first. */
const MOST = 1000;

const SUCCEEDED = sql<number>`(count(*) filter (where ${attempts.outcome} = 'change.succeeded'))::int`;
const FAILED = sql<number>`(count(*) filter (where ${attempts.outcome} <> 'change.succeeded'))::int`;
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
