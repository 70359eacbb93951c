import postgres from "postgres";
import type { Client } from "../cli/client.ts";
import type { ChangesAccepted } from "../contracts/operations.schema.ts";
import { startDelayingProxy } from "./delaying-proxy.ts";
import { type Trouble, readTrouble, register, watchEnds } from "./keyturn.ts";
import { load } from "./load.ts";
import { type ProcessorTime, perItem, processorTime } from "./processor-time.ts";
import { endLater, startStack } from "./stack.ts";
import { type Measured, type Spread, spread } from "./stats.ts";
import type { BenchTarget } from "./target.ts";
import { startLinuxTarget } from "./target-linux.ts";
import { startPostgresqlTarget } from "./target-postgresql.ts";
import { startSshTemplateTarget } from "./target-ssh.ts";
import { measureTemporal } from "./temporal-floor.ts";

const TARGETS = { postgresql: startPostgresqlTarget, linux: startLinuxTarget, ssh: startSshTemplateTarget };
export type BenchPlugin = keyof typeof TARGETS;
export const BENCH_PLUGINS = Object.keys(TARGETS) as BenchPlugin[];

export interface ChangesOptions {
  readonly plugin: BenchPlugin;
  readonly count: number;
  readonly concurrency: number;
  /** Milliseconds of round trip put between the device and whoever changes it; 0: none. */
  readonly rtt: number;
  say(text: string): void;
  /** Ends what is started here. */
  readonly cleanup: AsyncDisposableStack;
}

/** One line of the table. */
export interface ChangesRow extends Spread {
  readonly what: string;
  /** Absent where only time was measured. */
  readonly perSecond?: number;
  /** Keyturn's rate as a share of this one's; absent for Keyturn itself. */
  readonly keyturnShare?: number;
}

type Floor = Measured & { readonly what: string };

export interface KeyturnChanges extends Trouble {
  readonly requestToSucceeded: Measured;
  readonly liveToPromoted: Spread;
}

export interface ChangesResult {
  readonly rows: readonly ChangesRow[];
  readonly keyturn: KeyturnChanges;
  /** CPU of one change, where Keyturn spends it. */
  readonly processor: ProcessorTime;
}

interface Timing {
  succeeded: boolean;
  total: number;
  /** End of the step `apply` to the end of the operation; null when there is no such step. */
  live: number | null;
}

/** What the rows say, in milliseconds; they were stamped by whoever did the work. */
async function readTimings(sql: postgres.Sql): Promise<Timing[]> {
  return sql<Timing[]>`
    select o.state = 'succeeded' as succeeded,
      (extract(epoch from o.ended_at - o.requested_at) * 1000)::float8 as total,
      (select extract(epoch from o.ended_at - (step->>'startedAt')::timestamptz) * 1000 - (step->>'ms')::float8
        from attempts a, jsonb_array_elements(a.steps) step
        where a.operation_code = o.code and step->>'step' = 'apply'
        order by a.number desc limit 1)::float8 as live
    from operations o`;
}

/** Keeps `concurrency` changes open, one request each, until `ids` are through. */
async function measureKeyturn(
  api: Client,
  sql: postgres.Sql,
  ids: readonly string[],
  concurrency: number,
): Promise<KeyturnChanges> {
  const ended = watchEnds(sql);
  const { perSecond } = await load(ids, concurrency, async (id) => {
    const answer = await api.post<ChangesAccepted>("v1/password-changes", { credentialIds: [id] });
    const [operation] = answer.operations;
    if (!operation) throw new Error(`A change was refused: ${answer.refused[0]?.code}`);
    await ended(operation.code);
  });
  const timings = await readTimings(sql);
  const succeeded = timings.filter((timing) => timing.succeeded);
  return {
    requestToSucceeded: {
      count: succeeded.length,
      perSecond,
      ...spread(succeeded.map((timing) => timing.total)),
    },
    liveToPromoted: spread(succeeded.flatMap((timing) => timing.live ?? [])),
    ...(await readTrouble(sql)),
  };
}

async function measureBare(target: BenchTarget, port: number, options: ChangesOptions): Promise<Floor[]> {
  const rows: Floor[] = [];
  for (const loop of target.bareLoops) {
    options.say(`${loop.title}: ${options.count} changes, ${options.concurrency} at once`);
    rows.push({ what: loop.title, ...(await loop.run(port, target.accounts, options.concurrency)) });
  }
  return rows;
}

/** Changes/s and latency of Keyturn beside what its parts can do alone, all on the same servers in the same run. */
export async function benchChanges(options: ChangesOptions): Promise<ChangesResult> {
  const { plugin, count, concurrency, rtt, say, cleanup } = options;
  say(`Starting a ${plugin} target with ${count} accounts`);
  const target = await endLater(cleanup, TARGETS[plugin](count), (started) => started.stop());
  const proxy = rtt === 0 ? undefined : await startDelayingProxy(target.port, rtt);
  if (proxy) cleanup.defer(() => proxy.close());
  const port = proxy?.port ?? target.port;
  const bare = await measureBare(target, port, options);
  const { keyturn: running, api } = await startStack(cleanup, say);
  say(`Temporal alone: ${count} workflows of each type, ${concurrency} at once`);
  const temporal = await measureTemporal(running.temporalAddress, count, concurrency);
  say(`Registering ${count} credentials`);
  const ids = await register(api, target, port, concurrency);
  const sql = postgres(running.databaseUrl, { max: 1 });
  cleanup.defer(() => sql.end());
  say(`Keyturn: ${count} changes, ${concurrency} at once`);
  const before = await processorTime(running);
  const keyturn = await measureKeyturn(api, sql, ids, concurrency);
  const processor = perItem(before, await processorTime(running), count);
  const share = (floor: Measured) => keyturn.requestToSucceeded.perSecond / floor.perSecond;
  const floors: Floor[] = [
    ...bare,
    { what: "Temporal, empty workflow", ...temporal.empty },
    { what: "Temporal, one empty activity", ...temporal.oneActivity },
  ];
  const rows = [
    { what: "Keyturn, request → succeeded", ...keyturn.requestToSucceeded },
    { what: "Keyturn, password live → promoted", ...keyturn.liveToPromoted },
    ...floors.map((floor) => ({ ...floor, keyturnShare: share(floor) })),
  ];
  return { rows, keyturn, processor };
}
