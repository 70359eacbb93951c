import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import type { Client } from "../cli/client.ts";
import type { Credential } from "../contracts/credentials.schema.ts";
import type { Device } from "../contracts/devices.schema.ts";
import type { ChangesAccepted } from "../contracts/operations.schema.ts";
import { startSilentTarget } from "../scripts/targets/silent.ts";
import { watchEnds } from "./keyturn.ts";
import { load } from "./load.ts";
import { endLater, startStack } from "./stack.ts";
import { type Spread, spread } from "./stats.ts";
import { startPostgresqlTarget } from "./target-postgresql.ts";
import type { BenchAccount, BenchTarget } from "./target.ts";

const HEALTHY = 95;
const HANGING = 5;
/** Requests in flight while rows are made. */
const REGISTERING = 8;
/** Pairs of measurements: the machine is not the same from one minute to the next. */
const ROUNDS = 3;

export interface HangingOptions {
  say(text: string): void;
  /** Ends what is started here. */
  readonly cleanup: AsyncDisposableStack;
}

/** Times from the request until each of the healthy devices was done. Milliseconds. */
export interface HangingRound {
  readonly without: Spread;
  readonly beside: Spread;
  /** Of the five: how many still hung when the last of the others was done. */
  readonly stillHanging: number;
}

export interface HangingResult {
  readonly healthy: number;
  readonly hanging: number;
  readonly rounds: readonly HangingRound[];
}

/** Changes on 95 devices alone, and beside five that hang for their whole time-out, in turns in the same run. */
export async function benchHanging({ say, cleanup }: HangingOptions): Promise<HangingResult> {
  say(`Starting a PostgreSQL target with ${HEALTHY + HANGING * ROUNDS} accounts, and a device that says nothing`);
  const target = await endLater(cleanup, startPostgresqlTarget(HEALTHY + HANGING * ROUNDS), (one) => one.stop());
  const silent = await endLater(cleanup, startSilentTarget(), (one) => one.stop());
  const { keyturn, api } = await startStack(cleanup, say);
  const sql = postgres(keyturn.databaseUrl, { max: 2 });
  cleanup.defer(() => sql.end());
  const { revision } = await api.read("v1/settings");
  // One attempt and no drift checks: those that hung must not come again in a later round.
  await api.patch(
    "v1/settings",
    { connectTimeoutSeconds: 300, readTimeoutSeconds: 300, attempts: 1, driftHours: 0 },
    revision,
  );
  say(`Registering ${HEALTHY + HANGING * ROUNDS} devices`);
  const healthy = await register(api, target, { port: target.port, accounts: target.accounts.slice(0, HEALTHY) });
  const asleep = await register(api, target, { port: silent.port, accounts: target.accounts.slice(HEALTHY) });
  // The first changes find nothing compiled.
  await measure(api, sql, healthy);
  const rounds: HangingRound[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    say(`Round ${round + 1} of ${ROUNDS}`);
    const without = await measure(api, sql, healthy);
    await request(api, asleep.slice(round * HANGING, (round + 1) * HANGING));
    while (silent.waiting() < HANGING) await sleep(20);
    const beside = await measure(api, sql, healthy);
    rounds.push({ without, beside, stillHanging: silent.waiting() });
    silent.release();
  }
  return { healthy: HEALTHY, hanging: HANGING, rounds };
}

interface Devices {
  readonly port: number;
  readonly accounts: readonly BenchAccount[];
}

/** A device for each account, which changes its own password. @returns ids of the credentials */
async function register(
  api: Client,
  { plugin, settings }: BenchTarget,
  { port, accounts }: Devices,
): Promise<string[]> {
  const ids: string[] = [];
  await load(accounts, REGISTERING, async ({ username, password }) => {
    const device = { name: `bench-${username}`, address: "127.0.0.1", port, settings: { [plugin]: settings } };
    const { id: deviceId } = await api.post<Device>("v1/devices", device);
    const credential = { deviceId, plugin, username, password, automaticChange: true };
    ids.push((await api.post<Credential>("v1/credentials", credential)).id);
  });
  return ids;
}

async function request(api: Client, credentialIds: readonly string[]): Promise<ChangesAccepted["operations"]> {
  const { operations, refused } = await api.post<ChangesAccepted>("v1/password-changes", { credentialIds });
  if (refused.length > 0) throw new Error(`${refused.length} refused: ${refused[0]?.code}`);
  return operations;
}

async function measure(api: Client, sql: postgres.Sql, credentialIds: readonly string[]): Promise<Spread> {
  const ended = watchEnds(sql);
  const since = performance.now();
  const times: number[] = [];
  const operations = await request(api, credentialIds);
  await Promise.all(
    operations.map(async ({ code }) => {
      await ended(code);
      times.push(performance.now() - since);
    }),
  );
  return spread(times);
}
