import { writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { table } from "../cli/output/table.ts";
import { type Sample, benchAccept, thin } from "./accept.ts";
import { benchApprove, describeApprovals } from "./approve.ts";
import { benchHanging } from "./hanging.ts";
import type { Trouble } from "./keyturn.ts";
import { benchList, describeList } from "./list.ts";
import { describeProcessorTime } from "./processor-time.ts";
import { SLOTS } from "./stack.ts";
import { spread } from "./stats.ts";
import { BENCH_PLUGINS, benchChanges } from "./changes.ts";

const USAGE = `npm run bench -- changes --plugin ${BENCH_PLUGINS.join("|")} [--count 200] [--concurrency 20] [--backlog] [--rtt 0] [--json FILE]
npm run bench -- accept [--count 10000] [--json FILE]
npm run bench -- approve [--count 200] [--json FILE]
npm run bench -- hanging [--json FILE]
npm run bench -- list [--rows 1000000] [--mixes 2000] [--seed 1] [--json FILE]`;

/** Below that, the newest operations that are still open would be most of them. */
const FEWEST_ROWS = 50_000;

/** Lines of the table about time; the JSON file has all samples. */
const LINES = 12;

class UsageError extends Error {}
class Interrupted extends Error {}

function wholeNumber(text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new UsageError(`"${text}" is not a whole number.`);
  return value;
}

const round = (value: number) => Math.round(value * 10) / 10;
const say = (text: string) => console.error(text);

function describe({ failed, detours }: Trouble): string {
  return `${failed} failed, ${detours} needed a second attempt or a probe`;
}

interface Options {
  readonly cleanup: AsyncDisposableStack;
  readonly plugin?: string | undefined;
  readonly count?: string | undefined;
  readonly concurrency?: string | undefined;
  readonly backlog?: boolean | undefined;
  readonly rtt?: string | undefined;
  readonly rows?: string | undefined;
  readonly mixes?: string | undefined;
  readonly seed?: string | undefined;
}

async function changes(options: Options): Promise<{ result: unknown; failed: number }> {
  const plugin = BENCH_PLUGINS.find((known) => known === options.plugin);
  if (!plugin) throw new UsageError("--plugin names no plugin that can be measured.");
  const count = wholeNumber(options.count, 200);
  const concurrency = wholeNumber(options.concurrency, 20);
  if (concurrency > SLOTS) throw new UsageError(`A worker makes ${SLOTS} changes at once: more would only wait.`);
  const { backlog = false, cleanup } = options;
  const rtt = wholeNumber(options.rtt, 0);
  const result = await benchChanges({ plugin, count, concurrency, backlog, rtt, say, cleanup });
  const limit = backlog ? "all requested at once, the device takes" : "open at once:";
  console.log(
    `${plugin}, ${count} changes, ${limit} ${concurrency}, ${rtt} ms added round trip, ${describe(result.keyturn)}`,
  );
  console.log(
    table(
      ["", "per second", "p50 ms", "p95 ms", "p99 ms", "Keyturn's share"],
      result.rows.map((row) => [
        row.what,
        row.perSecond === undefined ? null : round(row.perSecond),
        round(row.p50),
        round(row.p95),
        round(row.p99),
        row.keyturnShare === undefined ? null : Math.round(row.keyturnShare * 100) / 100,
      ]),
    ),
  );
  const steps = Object.entries(result.keyturn.steps).map(([step, { p50 }]) => `${step} ${round(p50)}`);
  console.log(`p50 ms of the steps: ${steps.join(", ")}`);
  console.log(describeProcessorTime(result.processor));
  return { result: { plugin, count, concurrency, backlog, rtt, ...result }, failed: result.keyturn.failed };
}

function sampleRows(samples: readonly Sample[]): number[][] {
  return samples.map((sample, index) => {
    const before = samples[index - 1] ?? sample;
    const seconds = (sample.atMs - before.atMs) / 1000;
    const rate = seconds > 0 ? (sample.ended - before.ended) / seconds : 0;
    const { started, ended, apiMegabytes, workerMegabytes } = sample;
    return [round(sample.atMs / 1000), started, ended, round(rate), apiMegabytes, workerMegabytes];
  });
}

async function accept(options: Options): Promise<{ result: unknown; failed: number }> {
  const count = wholeNumber(options.count, 10_000);
  const result = await benchAccept({ count, say, cleanup: options.cleanup });
  console.log(
    `${count} changes in one request: accepted after ${result.acceptedMs} ms, all started after ${result.startedMs} ms, drained after ${result.drainedMs} ms (${round((count / result.drainedMs) * 1000)} per second), ${describe(result)}`,
  );
  const { p50, p95, p99 } = result.single;
  console.log(
    `one change in one request: accepted after ${round(p50)} ms (p50), ${round(p95)} (p95), ${round(p99)} (p99)`,
  );
  const { waits, behind, longestChange } = result.overtaking;
  const waited = spread(waits);
  console.log(
    `run-now for the last of ${behind[0]} to ${behind.at(-1)} queued, ${waits.length} times: started after ${round(waited.p50)} ms (p50), ${round(Math.max(...waits))} (longest); the longest change took ${round(longestChange)} ms`,
  );
  console.log(
    table(["seconds", "started", "ended", "ended/s", "api MB", "worker MB"], sampleRows(thin(result.samples, LINES))),
  );
  console.log(describeProcessorTime(result.processor));
  return { result, failed: result.failed };
}

async function approve(options: Options): Promise<{ result: unknown; failed: number }> {
  const count = wholeNumber(options.count, 200);
  const result = await benchApprove({ count, say, cleanup: options.cleanup });
  console.log(`${count} approvals, one at a time on an idle system, ${describe(result)}`);
  console.log(describeApprovals(result));
  return { result, failed: result.failed };
}

async function hanging({ cleanup }: Options): Promise<{ result: unknown; failed: number }> {
  const result = await benchHanging({ say, cleanup });
  console.log(`${result.healthy} devices, alone and beside ${result.hanging} that hang for their whole time-out`);
  console.log(
    table(
      [
        "round",
        "alone p50 ms",
        "alone last ms",
        "beside p50 ms",
        "beside last ms",
        "last, beside to alone",
        "still hung",
      ],
      result.rounds.map(({ without, beside, stillHanging }, index) => [
        index + 1,
        round(without.p50),
        round(without.p99),
        round(beside.p50),
        round(beside.p99),
        Math.round((beside.p99 / without.p99) * 100) / 100,
        stillHanging,
      ]),
    ),
  );
  return { result, failed: 0 };
}

async function list(options: Options): Promise<{ result: unknown; failed: number }> {
  const rows = wholeNumber(options.rows, 1_000_000);
  if (rows < FEWEST_ROWS) throw new UsageError(`--rows is at least ${FEWEST_ROWS}.`);
  const mixes = wholeNumber(options.mixes, 2000);
  const seed = wholeNumber(options.seed, 1);
  const result = await benchList({ rows, mixes, seed, say, cleanup: options.cleanup });
  console.log(describeList(result));
  return { result, failed: 0 };
}

/** Never resolves; rejects at Ctrl-C, so that everything that was started is ended first. */
function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.once(signal, () => {
        say("Stopping");
        reject(new Interrupted());
      });
  });
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      plugin: text,
      count: text,
      concurrency: text,
      backlog: { type: "boolean" },
      rtt: text,
      rows: text,
      mixes: text,
      seed: text,
      json: text,
    },
  });
  const [name, ...rest] = positionals;
  const bench = { changes, accept, approve, hanging, list }[name ?? ""];
  if (!bench || rest.length > 0) throw new UsageError("Say what to measure.");
  await using cleanup = new AsyncDisposableStack();
  const { result, failed } = await Promise.race([bench({ ...values, cleanup }), interrupted()]);
  const machine = { processors: cpus().length, model: cpus()[0]?.model, megabytes: Math.round(totalmem() / 1e6) };
  if (values.json !== undefined)
    await writeFile(values.json, `${JSON.stringify({ bench: name, at: new Date(), machine, result }, null, 2)}\n`);
  return failed === 0 ? 0 : 1;
}

function report(error: unknown): number {
  if (error instanceof Interrupted) return 130;
  // `parseArgs` throws a TypeError for an option it does not know.
  if (!(error instanceof UsageError) && !(error instanceof TypeError && "code" in error)) throw error;
  say(`${error.message}\n${USAGE}`);
  return 64;
}

process.exitCode = await main().catch(report);
