import { setTimeout as sleep } from "node:timers/promises";
import type postgres from "postgres";
import type { Client } from "../cli/client.ts";

/** How long changes at the end of the queue waited after run-now, and what a slot could be busy with meanwhile. Milliseconds. */
export interface Overtaking {
  readonly waits: readonly number[];
  /** Longest change from its stage to its end, over all. */
  readonly longestChange: number;
  /** Changes that waited in the queue when each was asked for. */
  readonly behind: readonly number[];
}

const REQUESTS = 20;
/** Between two requests, so that each finds a full queue again. */
const PAUSE_MS = 2_000;
const LOOK_MS = 100;

/** Once the queue drains, asks again and again for the immediate execution of the change that stands last. */
export async function overtake(api: Client, sql: postgres.Sql): Promise<Overtaking> {
  while ((await countRows(sql, sql`ended_at is not null`)) === 0) await sleep(LOOK_MS);
  const waits: number[] = [];
  const behind: number[] = [];
  for (let request = 0; request < REQUESTS; request += 1) {
    const waiting = await countRows(sql, sql`state = 'scheduled'`);
    const [last] = await sql<{ code: string }[]>`
      select code from operations where state = 'scheduled' and priority > 1 order by code desc limit 1`;
    if (!last) break;
    behind.push(waiting);
    await api.post(`v1/operations/${last.code}/run-now`, {});
    waits.push(await waitOf(sql, last.code));
    await sleep(PAUSE_MS);
  }
  const [row] = await sql<{ longest: number }[]>`
    select coalesce(max(extract(epoch from ended_at - executed_at)) * 1000, 0)::float as longest from operations`;
  return { waits, behind, longestChange: row?.longest ?? 0 };
}

async function countRows(sql: postgres.Sql, condition: postgres.PendingQuery<postgres.Row[]>): Promise<number> {
  const [row] = await sql<{ count: number }[]>`select count(*)::int as count from operations where ${condition}`;
  return row?.count ?? 0;
}

/** From the audited request to the start of the attempt, both by the database's clock. */
async function waitOf(sql: postgres.Sql, code: string): Promise<number> {
  for (;;) {
    const [row] = await sql<{ ms: number }[]>`
      select extract(epoch from o.executed_at - a.at)::float * 1000 as ms from operations o
      join audit a on a.operation_code = o.code and a.action = 'operation.run-now'
      where o.code = ${code} and o.executed_at is not null`;
    if (row) return row.ms;
    await sleep(LOOK_MS);
  }
}
