import { performance } from "node:perf_hooks";
import { type SQL, sql } from "drizzle-orm";
import { OperationQuery } from "../contracts/operations-list.schema.ts";
import { type Database, openDatabase } from "../db/client.ts";
import { listOperations } from "../db/queries/operations-list/list.ts";
import type { Mix } from "./list-mixes.ts";
import { type Spread, spread } from "./stats.ts";

export interface ReadsResult {
  readonly page: Spread;
  /** The newest 51 codes, nothing else asked. */
  readonly floor: Spread;
  readonly worst: readonly { readonly ms: number; readonly mix: string; readonly plans: readonly string[] }[];
}

/** Mixes between two measurements of the floor. */
const FLOOR_EVERY = 5;
const WORST = 10;

/** Pages through the query layer, one at a time, and the floor between them. */
export async function measureReads(url: string, mixes: readonly Mix[]): Promise<ReadsResult> {
  const { db, close } = openDatabase(url, { connections: 4, name: "keyturn bench" });
  try {
    const times: { ms: number; query: OperationQuery }[] = [];
    const floor: number[] = [];
    for (const [index, mix] of mixes.entries()) {
      const query = await turnPages(db, mix);
      times.push({ ms: await timed(() => listOperations(db, query)), query });
      if (index % FLOOR_EVERY === 0)
        floor.push(await timed(() => db.execute(sql`select code from operations order by code desc limit 51`)));
    }
    const worst = times.toSorted((a, b) => b.ms - a.ms).slice(0, WORST);
    return {
      page: spread(times.map(({ ms }) => ms)),
      floor: spread(floor),
      worst: await Promise.all(
        worst.map(async ({ ms, query }) => ({ ms, mix: describe(query), plans: await explain(db, query) })),
      ),
    };
  } finally {
    await close();
  }
}

/** The query of the page that a mix asks for: the pages before it are turned without being measured. */
async function turnPages(db: Database, { filter, sort, pages }: Mix): Promise<OperationQuery> {
  let query: OperationQuery = { ...OperationQuery.parse({ sort }), ...filter };
  for (let turned = 0; turned < pages; turned += 1) {
    const { nextCursor } = await listOperations(db, query);
    if (nextCursor === null) break;
    query = { ...query, cursor: nextCursor };
  }
  return query;
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

function describe({ cursor, limit: _limit, include: _include, ...query }: OperationQuery): string {
  return JSON.stringify({ ...query, ...(cursor === undefined ? {} : { page: "a later one" }) });
}

/** The plans of all statements that a page takes. */
async function explain(db: Database, query: OperationQuery): Promise<string[]> {
  const statements: SQL[] = [];
  const recording = new Proxy(db, {
    get(target, name, receiver): unknown {
      if (name !== "execute") return Reflect.get(target, name, receiver);
      return (statement: SQL) => {
        statements.push(statement);
        return target.execute(statement);
      };
    },
  });
  await listOperations(recording, query);
  const plans: string[] = [];
  for (const statement of statements) {
    const lines = await db
      .execute<{ "QUERY PLAN": string }>(sql`explain (analyze, buffers) ${statement}`)
      .catch(() => []);
    // What the search asks of plans is no statement to explain.
    if (lines.length > 0) plans.push(lines.map((line) => line["QUERY PLAN"]).join("\n"));
  }
  return plans;
}
