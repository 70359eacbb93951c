import { sql } from "drizzle-orm";
import type { Database } from "../client.ts";

/** Whether the database answers. */
export async function databaseAnswers(db: Database): Promise<boolean> {
  try {
    await db.execute(sql`select 1`);
    return true;
  } catch {
    return false;
  }
}

/** Open operations that should have moved more than two minutes ago: none when all is well. */
export async function countOverdue(db: Database): Promise<number> {
  const [row] = await db.execute<{ overdue: number }>(
    sql`select count(*)::int as overdue from operations where wake_at < now() - interval '2 minutes'`,
  );
  return row?.overdue ?? 0;
}
