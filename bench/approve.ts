/** How long after an approval its change runs, one at a time on an idle system; a bare signal beside it. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { Client } from "../cli/client.ts";
import { table } from "../cli/output/table.ts";
import type { NewToken } from "../contracts/administration.schema.ts";
import type { ChangesAccepted, OperationDetails } from "../contracts/operations.schema.ts";
import type { z } from "zod";
import { type Trouble, readTrouble, register, watchEnds } from "./keyturn.ts";
import { SLOTS, endLater, startStack } from "./stack.ts";
import { type Spread, spread } from "./stats.ts";
import { startPostgresqlTarget } from "./target-postgresql.ts";
import { measureSignals } from "./temporal-floor.ts";

export interface ApproveOptions {
  readonly count: number;
  say(text: string): void;
  /** Ends what is started here. */
  readonly cleanup: AsyncDisposableStack;
}

/** All in milliseconds from the moment at which the approver's request is sent. */
export interface ApproveResult extends Trouble {
  readonly count: number;
  /** Until the answer. */
  readonly answered: Spread;
  /** Until the operation was seen running. */
  readonly running: Spread;
  /** From a signal until an activity begins, with nothing else around them. */
  readonly floor: Spread;
}

const LOOK_MS = 2;

export async function benchApprove({ count, say, cleanup }: ApproveOptions): Promise<ApproveResult> {
  say(`Starting a PostgreSQL target with ${count} accounts`);
  const target = await endLater(cleanup, startPostgresqlTarget(count), (started) => started.stop());
  const { keyturn, api } = await startStack(cleanup, say);
  say(`Registering ${count} credentials`);
  const ids = await register(api, target, target.port, SLOTS);
  const approval = { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 60 };
  await api.post("v1/policies", { name: "bench", approval });
  const token = await api.post<z.infer<typeof NewToken>>("v1/tokens", {
    name: "bench approver",
    owner: "approver",
    roles: ["approver"],
  });
  const approver = new Client(keyturn.url, token.value);
  const sql = postgres(keyturn.databaseUrl, { max: 2 });
  cleanup.defer(() => sql.end());
  const ended = watchEnds(sql);
  say(`${count} approvals, one at a time`);
  const answered: number[] = [];
  const running: number[] = [];
  for (const id of ids) {
    const code = await openWaiting(api, id);
    const since = performance.now();
    const looking = untilRunning(sql, code);
    await approver.post(`v1/operations/${code}/approve`, {});
    answered.push(performance.now() - since);
    running.push((await looking) - since);
    await ended(code);
  }
  say(`${count} bare signals, one at a time`);
  const floor = await measureSignals(keyturn.temporalAddress, count);
  return { count, answered: spread(answered), running: spread(running), floor, ...(await readTrouble(sql)) };
}

/** Requests a change and waits until its run waits for the approval. */
async function openWaiting(api: Client, credentialId: string): Promise<number> {
  const { operations } = await api.post<ChangesAccepted>("v1/password-changes", { credentialIds: [credentialId] });
  const code = operations[0]?.code ?? 0;
  for (;;) {
    const { progress } = await api.get<z.infer<typeof OperationDetails>>(`v1/operations/${code}`);
    if (progress?.step === "awaiting-approval") return code;
    await sleep(20);
  }
}

/** The moment at which the row is seen running, or further. */
async function untilRunning(sql: postgres.Sql, code: number): Promise<number> {
  for (;;) {
    const [row] = await sql`select 1 from operations where code = ${code} and executed_at is not null`;
    if (row) return performance.now();
    await sleep(LOOK_MS);
  }
}

export function describeApprovals({ answered, running, floor }: ApproveResult): string {
  const round = (value: number) => Math.round(value * 10) / 10;
  const line = (what: string, { p50, p95, p99 }: Spread) => [what, round(p50), round(p95), round(p99)];
  return table(
    ["", "p50 ms", "p95 ms", "p99 ms"],
    [
      line("approval answered", answered),
      line("approved until running", running),
      line("floor: a bare signal until its activity begins", floor),
    ],
  );
}
