import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Keyturn } from "../scripts/supervisor/keyturn.ts";
import type { Client } from "../cli/client.ts";
import type { ChangesAccepted } from "../contracts/operations.schema.ts";
import { type Trouble, readTrouble, register } from "./keyturn.ts";
import { residentMegabytes } from "./memory.ts";
import { type Overtaking, overtake } from "./overtake.ts";
import { type ProcessorTime, perItem, processorTime } from "./processor-time.ts";
import { SLOTS, endLater, startStack } from "./stack.ts";
import { type Spread, spread } from "./stats.ts";
import { startPostgresqlTarget } from "./target-postgresql.ts";

export interface AcceptOptions {
  readonly count: number;
  say(text: string): void;
  /** Ends what is started here. */
  readonly cleanup: AsyncDisposableStack;
}

/** One look at everything. Times are milliseconds after the request was sent. */
export interface Sample {
  readonly atMs: number;
  readonly started: number;
  readonly ended: number;
  readonly apiMegabytes: number;
  readonly workerMegabytes: number;
}

export interface AcceptResult extends Trouble {
  readonly count: number;
  readonly acceptedMs: number;
  /** Requests for one credential each, one at a time, after all that: until 202. */
  readonly single: Spread;
  readonly startedMs: number;
  readonly drainedMs: number;
  /** CPU of one change, where Keyturn spends it. */
  readonly processor: ProcessorTime;
  readonly samples: readonly Sample[];
  readonly overtaking: Overtaking;
}

const LOOK_MS = 1000;
const SINGLES = 200;

async function look(sql: postgres.Sql, keyturn: Keyturn, since: number): Promise<Sample> {
  const [row] = await sql<{ started: number; ended: number }[]>`
    select count(*) filter (where started_run = run)::int as started, count(ended_at)::int as ended from operations`;
  const [apiMegabytes, workerMegabytes] = await Promise.all([
    residentMegabytes(keyturn.pid("api")),
    residentMegabytes(keyturn.pid("worker")),
  ]);
  return {
    atMs: Math.round(performance.now() - since),
    started: row?.started ?? 0,
    ended: row?.ended ?? 0,
    apiMegabytes,
    workerMegabytes,
  };
}

/** Looks once a second until everything has ended. */
async function follow(sql: postgres.Sql, keyturn: Keyturn, run: { since: number; count: number }): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (;;) {
    const sample = await look(sql, keyturn, run.since);
    samples.push(sample);
    if (sample.ended >= run.count) return samples;
    await sleep(LOOK_MS);
  }
}

/** Fewer lines for the table: the first, the last, and evenly spread ones between. */
export function thin(samples: readonly Sample[], lines: number): Sample[] {
  const step = Math.max(1, (samples.length - 1) / (lines - 1));
  const indexes = Array.from({ length: Math.min(lines, samples.length) }, (_, line) => Math.round(line * step));
  return indexes.flatMap((index) => samples[index] ?? []);
}

/** Requests one change at a time, each for tomorrow, so that nothing else has to be done for it. */
async function measureSingle(api: Client, ids: readonly string[]): Promise<Spread> {
  const scheduledFor = new Date(Date.now() + 86_400_000).toISOString();
  const times: number[] = [];
  for (const id of ids) {
    const since = performance.now();
    await api.post<ChangesAccepted>("v1/password-changes", { credentialIds: [id], scheduledFor });
    times.push(performance.now() - since);
  }
  return spread(times);
}

/** One request for all of them: how long until accepted, started and done, and what it costs in memory. */
export async function benchAccept({ count, say, cleanup }: AcceptOptions): Promise<AcceptResult> {
  say(`Starting a PostgreSQL target with ${count} accounts`);
  const target = await endLater(cleanup, startPostgresqlTarget(count), (started) => started.stop());
  const { keyturn, api } = await startStack(cleanup, say);
  say(`Registering ${count} credentials`);
  const credentialIds = await register(api, target, target.port, SLOTS);
  const sql = postgres(keyturn.databaseUrl, { max: 2 });
  cleanup.defer(() => sql.end());
  say(`One request for ${count} changes`);
  const before = await processorTime(keyturn);
  const since = performance.now();
  const following = follow(sql, keyturn, { since, count });
  const answer = await api.post<ChangesAccepted>("v1/password-changes", { credentialIds });
  const acceptedMs = Math.round(performance.now() - since);
  if (answer.refused.length > 0) throw new Error(`${answer.refused.length} refused: ${answer.refused[0]?.code}`);
  const [samples, overtaking] = await Promise.all([following, overtake(api, sql)]);
  const processor = perItem(before, await processorTime(keyturn), count);
  const trouble = await readTrouble(sql);
  return {
    count,
    acceptedMs,
    single: await measureSingle(api, credentialIds.slice(0, SINGLES)),
    startedMs: samples.find((sample) => sample.started >= count)?.atMs ?? Number.NaN,
    drainedMs: samples.at(-1)?.atMs ?? Number.NaN,
    ...trouble,
    processor,
    samples,
    overtaking,
  };
}
