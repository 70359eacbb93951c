/** Immediate execution of changes that stand in a full queue: a worker with one slot, held by another change. */
import { Client, Connection } from "@temporalio/client";
import { sql } from "drizzle-orm";
import pino from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { repair } from "../../activities/repair.ts";
import { operationWorkflowId } from "../../contracts/ids.ts";
import { QUERIES, SIGNALS } from "../../contracts/messages.ts";
import { readSettings } from "../../db/queries/settings.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccounts, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let worker: TestWorker;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open();
  const { address, namespace } = estate.surroundings.temporal;
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
});
afterEach(async () => {
  await worker.kill();
  await connection.close();
  await estate.close();
});

/** The first of so many changes holds the worker's only slot; the others stand in the queue behind it. */
async function queueUp(count: number) {
  worker = await TestWorker.start(estate.surroundings, ["staged"], { KEYTURN_SLOTS: "1" });
  const place = await addTarget(estate, target);
  await estate.setPermits(place.deviceId, count);
  const accounts = await addAccounts(estate, target, place, count);
  const codes: number[] = [];
  for (const { credentialId } of accounts) {
    codes.push(...(await estate.request(credentialId)));
    if (codes.length === 1) await worker.reached("staged");
    else await vi.waitFor(async () => expect(await changesOf(codes.at(-1) ?? 0)).toHaveLength(1), 120_000);
  }
  return accounts.map((account, index) => ({ account, code: codes[index] ?? 0 }));
}

/** The one change that stands in the queue. */
async function queueBehindOne() {
  const [, queued] = await queueUp(2);
  if (!queued) throw new Error("nothing was queued");
  return queued;
}

/** Priorities of the changes that a run has scheduled. */
async function changesOf(code: number) {
  const { events } = await client.workflow.getHandle(operationWorkflowId(code, 1)).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled?.activityType?.name === "change" ? [scheduled.priority?.priorityKey] : [],
  );
}

async function runNow(code: number): Promise<void> {
  await estate.act("run-now", code);
  await client.workflow.getHandle(operationWorkflowId(code, 1)).signal(SIGNALS.runNow);
}

it("takes the next free slot, before all that stood in the queue", async () => {
  const changes = await queueUp(6);
  const last = changes.at(-1)?.code ?? 0;
  await runNow(last);
  await vi.waitFor(async () => expect(await changesOf(last)).toEqual([2, 1]), 120_000);
  worker.go();
  const executed = new Map<number, number>();
  for (const { account, code } of changes) {
    executed.set(code, (await estate.until(code)).executedAt?.getTime() ?? 0);
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  }
  const [first, second] = [...executed].toSorted(([, a], [, b]) => a - b);
  expect([first?.[0], second?.[0]]).toEqual([changes[0]?.code, last]);
});

it("of two changes that ask the row one takes it, whichever comes first, and the other does nothing", async () => {
  const { account, code } = await queueBehindOne();
  await runNow(code);
  // Asked for twice: the second time nothing is scheduled any more.
  await runNow(code);
  await vi.waitFor(async () => expect(await changesOf(code)).toEqual([2, 1]), 120_000);
  worker.go();
  expect(await estate.until(code)).toMatchObject({ state: "succeeded", attempts: 1 });
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("one that lost its row to the other does not end the run", async () => {
  const { account, code } = await queueBehindOne();
  await runNow(code);
  await vi.waitFor(async () => expect(await changesOf(code)).toHaveLength(2), 120_000);
  // A second worker takes both at once: one stages, the other finds it running.
  const second = await TestWorker.start(estate.surroundings, ["applied"]);
  try {
    await second.reached("applied");
    await vi.waitFor(async () => expect(await answersOf(code)).toEqual(["running"]), 120_000);
    second.go();
    expect(await estate.until(code)).toMatchObject({ state: "succeeded", attempts: 1, probes: 0 });
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  } finally {
    await second.kill();
  }
});

it("a signal that comes when the change is under way has one more look at the row, and no more", async () => {
  worker = await TestWorker.start(estate.surroundings, ["staged"]);
  const [account] = await addAccounts(estate, target, await addTarget(estate, target), 1);
  if (!account) throw new Error("no account was made");
  const [code = 0] = await estate.request(account.credentialId);
  await worker.reached("staged");
  await client.workflow.getHandle(operationWorkflowId(code, 1)).signal(SIGNALS.runNow);
  await vi.waitFor(async () => expect(await answersOf(code)).toEqual(["running"]), 120_000);
  // Whatever would be scheduled after that answer would be so with the answer to this question.
  await client.workflow.getHandle(operationWorkflowId(code, 1)).query(QUERIES.progress);
  worker.go();
  expect(await estate.until(code)).toMatchObject({ state: "succeeded", attempts: 1, probes: 0 });
  await client.workflow.getHandle(operationWorkflowId(code, 1)).result();
  expect(await changesOf(code)).toEqual([2, 1]);
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("one whose signal was lost is put at the head of the queue by the repair sweep", async () => {
  const { account, code } = await queueBehindOne();
  await estate.act("run-now", code);
  await estate.db.execute(sql`update operations set wake_at = now() - interval '5 minutes' where code = ${code}`);
  const settings = await readSettings(estate.db);
  await repair({ db: estate.db, client, settings, log: pino({ enabled: false }) });
  await vi.waitFor(async () => expect(await changesOf(code)).toEqual([2, 1]), 120_000);
  worker.go();
  await estate.until(code);
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("one that was left in the queue, and answers while the run waits for an approval, does not hold the run up", async () => {
  const { account, code } = await queueBehindOne();
  const rule = JSON.stringify({ levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 600 });
  await estate.db.execute(sql`update operations set approval = ${rule}::jsonb, approval_digest = 'another'
    where code = ${code}`);
  await runNow(code);
  await vi.waitFor(async () => expect(await changesOf(code)).toEqual([2, 1]), 120_000);
  worker.go();
  // The word of the run-now itself may make the run look once more.
  await vi.waitFor(async () => expect((await answersOf(code)).length).toBeGreaterThanOrEqual(2), 120_000);
  expect(new Set(await answersOf(code))).toEqual(new Set(["awaiting-approval"]));
  await estate.act("approve", code, "Ben");
  const run = client.workflow.getHandle(operationWorkflowId(code, 1));
  await run.signal(SIGNALS.approvalDecided);
  expect(await run.result()).toBe("succeeded");
  expect((await estate.audit(code)).filter(({ action }) => action.startsWith("repair."))).toEqual([]);
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

/** What the changes of a run that have ended answered. */
async function answersOf(code: number): Promise<unknown[]> {
  const { events } = await client.workflow.getHandle(operationWorkflowId(code, 1)).fetchHistory();
  return (events ?? []).flatMap(({ activityTaskCompletedEventAttributes: completed }) =>
    (completed?.result?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()).kind),
  );
}
