import { sql } from "drizzle-orm";
import type { Database, Transaction } from "../../client.ts";

/** How much later than its request an operation's code may be drawn: no request takes so long. */
const SLACK = sql`interval '1 hour'`;

/**
 * A code that all operations requested up to a moment lie below, found by halving: codes rise with the time of
 * request. Undefined while there are no operations.
 */
export async function codeOfRequest(db: Database | Transaction, moment: Date): Promise<number | undefined> {
  const [row] = await db.execute<{ code: string | null }>(sql`
    with recursive halves(low, high, step) as (
      select 0::bigint, (select max(code) + 1 from operations), 0
      union all
      select case when later then low else middle end, case when later then middle else high end, step + 1
      from (
        select low, high, step, (low + high) / 2 as middle, coalesce((
          select requested_at > ${moment.toISOString()}::timestamptz + ${SLACK}
          from operations where code >= (low + high) / 2 order by code limit 1), true) as later
        from halves where high - low > 1) half
    )
    select high as code from halves order by step desc limit 1`);
  return row?.code == null ? undefined : Number(row.code);
}
