/** Approvals with a real worker: its timer against the decisions, and signals that say more than the rows do. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import { eq, sql } from "drizzle-orm";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { Starter } from "../../activities/starter.ts";
import { operationWorkflowId } from "../../contracts/ids.ts";
import { type Progress, QUERIES, SIGNALS } from "../../contracts/messages.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import { readSettings } from "../../db/queries/settings.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { needApprovals } from "../helpers/approvals.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccounts, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

const RACERS = 16;

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let worker: TestWorker | undefined;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open();
  await needApprovals(estate.db, 1);
  const { address, namespace } = estate.surroundings.temporal;
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
});
afterEach(async () => {
  await worker?.kill();
  worker = undefined;
  await connection.close();
  await estate.close();
});

/** Operations that wait for an approval, for an hour at the most. */
async function open(count: number) {
  const place = await addTarget(estate, target);
  const accounts = await addAccounts(estate, target, place, count);
  const opened = await estate.db.transaction(async (tx) => {
    const actor = { actor: "test", person: "tester" };
    const credentialIds = accounts.map(({ credentialId }) => credentialId);
    const { operations } = await requestChanges(tx, { credentialIds, reason: "", actor, plugins: PLUGINS });
    await tx.execute(endIn(3600));
    return new Map(operations.map(({ credentialId, code }) => [credentialId, code]));
  });
  return accounts.map((account) => ({ account, code: opened.get(account.credentialId) ?? 0 }));
}

const endIn = (seconds: number) => sql`update operations set
  approval_expires_at = clock_timestamp() + make_interval(secs => ${seconds}),
  wake_at = clock_timestamp() + make_interval(secs => ${seconds})`;

/** The time of all is over in so many seconds, and their runs, which wait, set their timers anew. */
async function shorten(codes: readonly number[], seconds: number): Promise<void> {
  await estate.db.execute(endIn(seconds));
  await Promise.all(codes.map((code) => workflow(code).signal(SIGNALS.wake)));
}

const workflow = (code: number) => client.workflow.getHandle(operationWorkflowId(code, 1));
const start = async () => (worker = await TestWorker.start(estate.surroundings));

/** Until the run waits for its approval. */
const waits = (code: number) =>
  vi.waitFor(
    async () => expect((await workflow(code).query<Progress>(QUERIES.progress)).step).toBe("awaiting-approval"),
    120_000,
  );

/** As the API does it: the row, and then a word to the run. Says what the person is told. */
async function approve(code: number): Promise<string> {
  try {
    await estate.act("approve", code, "Ben");
  } catch (error) {
    if (error instanceof ApiProblem) return error.code;
    throw error;
  }
  await workflow(code).signal(SIGNALS.approvalDecided);
  return "approved";
}

it("signals straight into Temporal approve nothing; an approval lets the change run", async () => {
  await start();
  const [{ account, code } = { account: undefined, code: 0 }] = await open(1);
  await waits(code);
  for (const signal of Object.values(SIGNALS)) {
    await workflow(code).signal(signal);
    await waits(code);
  }
  // Each was heard: the run looked at its row again, and went on waiting.
  await vi.waitFor(async () => {
    const { events = [] } = await workflow(code).fetchHistory();
    expect(events?.filter((event) => event.activityTaskCompletedEventAttributes).length).toBeGreaterThan(0);
  }, 120_000);
  await waits(code);
  expect(await estate.operation(code)).toMatchObject({ state: "awaiting-approval", approvalRound: 1 });
  expect(await estate.attempts(code)).toEqual([]);
  expect(await approve(code)).toBe("approved");
  expect((await estate.until(code)).state).toBe("succeeded");
  if (account) await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("expires by its timer, touches nothing and frees its credential", async () => {
  await start();
  const [{ account, code } = { account: undefined, code: 0 }] = await open(1);
  await waits(code);
  await shorten([code], 2);
  expect(await estate.until(code, ["expired"])).toMatchObject({ outcome: "approval.expired", openCredentialId: null });
  expect(await workflow(code).result()).toBe("expired");
  expect(await estate.attempts(code)).toEqual([]);
  expect((await estate.audit(code)).map(({ action }) => action)).toEqual(["operation.requested", "operation.expired"]);
  await estate.request(account?.credentialId ?? "");
});

it("approved around the moment at which the timer fires: each ends as the approver was told", async () => {
  await start();
  const operations = await open(RACERS);
  await Promise.all(operations.map(({ code }) => waits(code)));
  await shorten(
    operations.map(({ code }) => code),
    8,
  );
  const ends = (await estate.operation(operations[0]?.code ?? 0)).approvalExpiresAt?.getTime() ?? 0;
  const told = await Promise.all(
    operations.map(async ({ code }, index) => {
      // From four seconds before the moment to four seconds after it, most of them close to it.
      const offset = 2 ** (5 + (index % 8)) * (index < RACERS / 2 ? -1 : 1);
      await sleep(ends - Date.now() + offset);
      return approve(code);
    }),
  );
  for (const [index, { code, account }] of operations.entries()) {
    const { state } = await estate.until(code, ["succeeded", "error", "expired"]);
    const approved = told[index] === "approved";
    if (!approved) expect(["approval.expired", "operation.state"]).toContain(told[index]);
    expect(state, told[index]).toBe(approved ? "succeeded" : "expired");
    expect(await estate.attempts(code)).toHaveLength(approved ? 1 : 0);
    expect(await workflow(code).result()).toBe(state);
    if (approved) await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  }
  expect(new Set(told).size).toBeGreaterThan(1);
});

it("decided and expired while no worker was there: it goes on from what the rows say", async () => {
  const [approved, late, waiting] = await open(3);
  await estate.act("approve", approved?.code ?? 0, "Ben");
  await estate.db
    .update(schema.operations)
    .set({ approvalExpiresAt: sql`now()` })
    .where(eq(schema.operations.code, late?.code ?? 0));
  await start();
  expect((await estate.until(approved?.code ?? 0)).state).toBe("succeeded");
  expect((await estate.until(late?.code ?? 0, ["expired"])).outcome).toBe("approval.expired");
  await waits(waiting?.code ?? 0);
});

it("what changed after the approval is asked for again, and only then done", async () => {
  await start();
  const [{ account, code } = { account: undefined, code: 0 }] = await open(1);
  await waits(code);
  const later = new Date(Date.now() + 3_600_000);
  await estate.db.update(schema.operations).set({ scheduledFor: later }).where(eq(schema.operations.code, code));
  expect(await approve(code)).toBe("approved");
  await estate.db.update(schema.devices).set({
    settings: sql`jsonb_set(settings, '{postgresql,caCertificate}',
      to_jsonb((settings #>> '{postgresql,caCertificate}') || chr(10)))`,
  });
  // Its time has come.
  await estate.db.execute(sql`update operations set scheduled_for = now(), due_at = now(), wake_at = now()
    where code = ${code}`);
  await workflow(code).signal(SIGNALS.wake);
  await estate.until(code, ["awaiting-approval"]);
  await waits(code);
  expect(await estate.operation(code)).toMatchObject({ approvalRound: 2, waitingFor: null });
  expect(await estate.attempts(code)).toEqual([]);
  expect(await approve(code)).toBe("approved");
  expect((await estate.until(code)).state).toBe("succeeded");
  if (account) await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  const said = (await estate.audit(code)).map(({ action }) => action.replace("operation.", ""));
  expect(said).toEqual([
    "requested",
    "approved",
    "scheduled",
    "awaiting-approval",
    "approved",
    "scheduled",
    "running",
    "succeeded",
  ]);
});

it("approved between the claim of its row and the start of its run: the run is told again", async () => {
  const [{ code } = { code: 0 }] = await open(1);
  // Somebody approves right before the run starts, and tells a workflow that is not there yet.
  const { address, namespace } = estate.surroundings.temporal;
  const native = await NativeConnection.connect({ address });
  const starting = new Client({ connection: native, namespace });
  const start = starting.workflow.start.bind(starting.workflow);
  vi.spyOn(starting.workflow, "start").mockImplementation(async (...given) => {
    await estate.act("approve", code, "Ben");
    return start(...given);
  });
  const log = pino({ level: "silent" });
  const starter = new Starter({ db: estate.db, client: starting, log, settings: () => readSettings(estate.db) });
  starter.start();
  await vi.waitFor(() => workflow(code).describe(), 120_000);
  await starter.stop();
  await native.close();
  worker = await TestWorker.start(estate.surroundings);
  expect((await estate.until(code)).state).toBe("succeeded");
});
