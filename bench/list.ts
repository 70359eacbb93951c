/** The operations list at size: random filter mixes through the query layer and through HTTP, and writing under it. */
import postgres from "postgres";
import { table } from "../cli/output/table.ts";
import { type ListDatabaseOptions, openListDatabase } from "./list-database.ts";
import { measureHttp } from "./list-http.ts";
import { randomMix, readSamples } from "./list-mixes.ts";
import { randomNumbers } from "./random-numbers.ts";
import { measureReads, type ReadsResult } from "./list-reads.ts";
import { measureWrites, type WritesResult } from "./list-writes.ts";
import type { Spread } from "./stats.ts";

export interface ListOptions extends ListDatabaseOptions {
  readonly mixes: number;
  /** Of the random mixes: the same ones for the same seed and data. */
  readonly seed: number;
}

export interface ListResult extends ReadsResult {
  readonly rows: number;
  readonly mixes: number;
  readonly seed: number;
  readonly http: Spread;
  readonly httpMixes: number;
  readonly writes: WritesResult;
}

const HTTP_MIXES = 300;

export async function benchList({ rows, mixes: count, seed, say, cleanup }: ListOptions): Promise<ListResult> {
  const database = await openListDatabase({ rows, say, cleanup });
  const sql = postgres(database.url, { max: 1, onnotice: () => {} });
  const samples = await readSamples(sql);
  await sql.end();
  const random = randomNumbers(seed);
  const mixes = Array.from({ length: count }, () => randomMix(random, samples));
  say(`${count} random mixes through the query layer`);
  const reads = await measureReads(database.url, mixes);
  const overHttp = mixes.slice(0, HTTP_MIXES);
  say(`${overHttp.length} of them through HTTP`);
  const http = await measureHttp(database, overHttp, cleanup);
  say("Writing, alone and with readers");
  const writes = await measureWrites(database.url, rows, mixes);
  return { rows, mixes: count, seed, ...reads, http, httpMixes: overHttp.length, writes };
}

const round = (value: number) => Math.round(value * 10) / 10;

/** The result as a person reads it: one table, the writes, and the worst mixes with their plans. */
export function describeList(result: ListResult): string {
  const row = (what: string, { p50, p95, p99 }: Spread) => [what, round(p50), round(p95), round(p99)];
  const { alone, withReaders, pages, hotPhases } = result.writes;
  return [
    `${result.rows.toLocaleString("en")} operations, ${result.mixes} random filter mixes, seed ${result.seed}`,
    table(
      ["", "p50 ms", "p95 ms", "p99 ms"],
      [
        row("one page, query layer", result.page),
        row("floor: the newest 51 codes", result.floor),
        row(`one page, HTTP (${result.httpMixes} of them)`, result.http),
      ],
    ),
    `lifecycles: ${round(alone.perSecond)} per second alone, ${round(withReaders.perSecond)} with ${pages} pages read meanwhile; HOT updates of a phase: ${Math.round(hotPhases * 100)}%`,
    "The worst mixes:",
    ...result.worst.flatMap(({ ms, mix, plans }) => [`${round(ms)} ms  ${mix}`, ...plans.map(indented)]),
  ].join("\n");
}

function indented(plan: string): string {
  return plan.replaceAll(/^/gm, "    ");
}
