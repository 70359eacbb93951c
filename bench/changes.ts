import postgres from "postgres";
import type { Client } from "../cli/client.ts";
import type { ChangesAccepted } from "../contracts/operations.schema.ts";
import type { StepRecord } from "../db/schema/index.ts";
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
  /** Whether all are requested at once, so that the device's limit of `concurrency` is what they wait for. */
  readonly backlog: boolean;
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
  readonly stagedToSucceeded: Spread;
  readonly liveToPromoted: Spread;
  /** Of each step of the attempts. */
  readonly steps: Readonly<Record<string, Spread>>;
}

export interface ChangesResult {
  readonly rows: readonly ChangesRow[];
  readonly keyturn: KeyturnChanges;
  /** CPU of one change, where Keyturn spends it. */
  readonly processor: ProcessorTime;
}

interface Timing {
  total: number;
  /** Begin of the attempt to the end of the operation. */
  attempt: number;
  /** End of the step `apply` to the end of the operation; null when there is no such step. */
  live: number | null;
  steps: StepRecord[];
}

/** What the rows of those that succeeded say, in milliseconds; they were stamped by whoever did the work. */
async function readTimings(sql: postgres.Sql, since: Date): Promise<Timing[]> {
  return sql<Timing[]>`
    select (extract(epoch from o.ended_at - o.requested_at) * 1000)::float8 as total,
      (extract(epoch from o.ended_at - a.started_at) * 1000)::float8 as attempt, a.steps,
      (select extract(epoch from o.ended_at - (step->>'startedAt')::timestamptz) * 1000 - (step->>'ms')::float8
        from jsonb_array_elements(a.steps) step where step->>'step' = 'apply')::float8 as live
    from operations o join attempts a on a.operation_code = o.code and a.number = o.attempts
    where o.state = 'succeeded' and o.requested_at > ${since}`;
}

type Change = (credentialIds: readonly string[]) => Promise<void>;

/** Changes credentials in one request, until all have ended. */
function changing(api: Client, sql: postgres.Sql): Change {
  const ended = watchEnds(sql);
  return async (credentialIds) => {
    const answer = await api.post<ChangesAccepted>("v1/password-changes", { credentialIds });
    const [refused] = answer.refused;
    if (refused) throw new Error(`A change was refused: ${refused.code}`);
    await Promise.all(answer.operations.map(({ code }) => ended(code)));
  };
}

/** Changes all of these: with a backlog in one request, otherwise `concurrency` at once, one each. */
async function measureKeyturn(
  sql: postgres.Sql,
  change: Change,
  { ids, concurrency, backlog }: { ids: readonly string[] } & Pick<ChangesOptions, "concurrency" | "backlog">,
): Promise<KeyturnChanges> {
  const since = new Date();
  const begun = performance.now();
  if (backlog) await change(ids);
  else await load(ids, concurrency, (id) => change([id]));
  const seconds = (performance.now() - begun) / 1000;
  const timings = await readTimings(sql, since);
  return {
    requestToSucceeded: {
      count: timings.length,
      perSecond: ids.length / seconds,
      ...spread(timings.map(({ total }) => total)),
    },
    stagedToSucceeded: spread(timings.map(({ attempt }) => attempt)),
    liveToPromoted: spread(timings.flatMap(({ live }) => live ?? [])),
    steps: spreadSteps(timings.flatMap(({ steps }) => steps)),
    ...(await readTrouble(sql)),
  };
}

function spreadSteps(steps: readonly StepRecord[]): Record<string, Spread> {
  const byName = Map.groupBy(steps, ({ step }) => step);
  return Object.fromEntries([...byName].map(([name, taken]) => [name, spread(taken.map(({ ms }) => ms))]));
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
  const { plugin, count, concurrency, backlog, rtt, say, cleanup } = options;
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
  const change = changing(api, sql);
  // As in the loop that keeps them, the administrator's connections are made before the time counts.
  await change(ids.slice(0, concurrency));
  say(`Keyturn: ${count} changes, ${concurrency} at once`);
  const before = await processorTime(running);
  const keyturn = await measureKeyturn(sql, change, { ids, concurrency, backlog });
  const processor = perItem(before, await processorTime(running), count);
  const share = (floor: Measured) => keyturn.requestToSucceeded.perSecond / floor.perSecond;
  const floors: Floor[] = [
    ...bare,
    { what: "Temporal, empty workflow", ...temporal.empty },
    { what: "Temporal, one empty activity", ...temporal.oneActivity },
  ];
  const rows = [
    { what: "Keyturn, request → succeeded", ...keyturn.requestToSucceeded },
    { what: "Keyturn, staged → succeeded", ...keyturn.stagedToSucceeded },
    { what: "Keyturn, password live → promoted", ...keyturn.liveToPromoted },
    ...floors.map((floor) => ({ ...floor, keyturnShare: share(floor) })),
  ];
  return { rows, keyturn, processor };
}
