/** What the repair sweep mends, and that it leaves alone what is in health: counted exactly. */
import fc from "fast-check";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Moment } from "../../../activities/deps.ts";
import { REPAIR_SCHEDULE } from "../../../contracts/ids.ts";
import { newId } from "../../../db/new-id.ts";
import { grantPermits } from "../../../db/queries/permits.ts";
import { claimMend, readOverdue } from "../../../db/queries/repair.ts";
import { requestChanges } from "../../../db/queries/requests.ts";
import * as schema from "../../../db/schema/index.ts";
import { PLUGINS } from "../../../plugins/registry.ts";
import { Estate } from "../../helpers/estate.ts";
import { pauseSchedule } from "../../helpers/paused-schedule.ts";
import { TestWorker } from "../../helpers/worker.ts";
import { addAccounts, addTarget, type Place } from "../matrix-target.ts";
import { openPostgresTarget } from "../postgresql-target.ts";
import { proveNothingLost } from "../proof.ts";
import { mendsBy, Tamperer } from "./mends.ts";

const HOUR_MS = 3_600_000;
const NOTHING = mendsBy(() => 0);

/** Moments at which one change each is lost together with its worker and its workflow. */
const LOST_AT: readonly Moment[] = ["staged", "before-point", "after-point", "applied", "verified"];

/** How what moves an operation is lost. The first four are waiting then, the next two not yet begun. */
const LOSSES = [
  "run terminated while it waits for its time",
  "run terminated while it waits for approval",
  "run-now not signalled",
  "approval not signalled",
  "start suppressed",
  "start suppressed, awaiting approval",
  "nothing",
] as const;
type Loss = (typeof LOSSES)[number];

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let tamperer: Tamperer;
const workers: TestWorker[] = [];

beforeEach(async () => {
  [target, estate] = await Promise.all([openPostgresTarget("administrator"), Estate.open()]);
  // What a pass of its own takes it counts at its end: the test's would have ended before.
  await pauseSchedule(estate, REPAIR_SCHEDULE);
  tamperer = await Tamperer.open(estate);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await tamperer.close();
  await estate.close();
  await target.close();
});

async function startWorker(moments: readonly Moment[], environment: Record<string, string> = {}): Promise<TestWorker> {
  const worker = await TestWorker.start(estate.surroundings, moments, environment);
  workers.push(worker);
  return worker;
}

interface Change {
  readonly account: { readonly username: string; readonly password: string; readonly credentialId: string };
  readonly code: number;
}

/** Requests a change of each of so many new accounts. */
async function changes(
  place: Place,
  count: number,
  { inMs = 0, policyId }: { inMs?: number; policyId?: string | undefined } = {},
): Promise<Change[]> {
  const accounts = await addAccounts(estate, target, place, count);
  if (policyId)
    for (const { credentialId } of accounts)
      await estate.db.update(schema.credentials).set({ policyId }).where(eq(schema.credentials.id, credentialId));
  const { operations } = await estate.db.transaction((tx) =>
    requestChanges(tx, {
      credentialIds: accounts.map(({ credentialId }) => credentialId),
      scheduledFor: new Date(Date.now() + inMs),
      reason: "test",
      actor: { actor: "test", person: "tester" },
      plugins: PLUGINS,
    }),
  );
  const codes = new Map(operations.map(({ credentialId, code }) => [credentialId, code]));
  return accounts.map((account) => ({ account, code: codes.get(account.credentialId) ?? 0 }));
}

const codesOf = (some: readonly Change[]) => some.map(({ code }) => code);

async function addApproval(): Promise<string> {
  const id = newId();
  const approval = { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 600 };
  await estate.db.insert(schema.policies).values({ id, name: "asks", approval });
  return id;
}

/** A worker that is killed while it holds five changes at five moments; their runs are terminated as well. */
async function loseChanges(place: Place): Promise<Change[]> {
  const doomed = await startWorker(LOST_AT);
  const lost = await changes(place, LOST_AT.length);
  await Promise.all(LOST_AT.map((moment) => doomed.reached(moment)));
  await tamperer.terminate(codesOf(lost));
  await doomed.kill();
  return lost;
}

/** A success whose chain never starts: its run is terminated before it hears of it. */
async function loseChain(place: Place, doomed: TestWorker): Promise<{ parent: Change; children: Change["account"][] }> {
  const children = await addAccounts(estate, target, place, 2);
  const [account] = await addAccounts(estate, target, place, 1);
  if (!account) throw new Error("no account was made");
  for (const { credentialId } of children)
    await estate.db
      .update(schema.credentials)
      .set({ parentCredentialId: account.credentialId })
      .where(eq(schema.credentials.id, credentialId));
  const [code = 0] = await estate.request(account.credentialId);
  await doomed.reached("before-commit");
  await tamperer.terminate([code]);
  doomed.go("before-commit");
  await estate.until(code);
  return { parent: { account, code }, children };
}

/** A permit that is granted and of which the run never hears. */
async function loseGrant(): Promise<Change> {
  const place = await addTarget(estate, target);
  await estate.setPermits(place.deviceId, 0);
  const [parked] = await changes(place, 1);
  if (!parked) throw new Error("nothing was requested");
  await expect.poll(async () => (await estate.operation(parked.code)).waitingFor, { timeout: 120_000 }).toBe("device");
  await estate.setPermits(place.deviceId, 1);
  await estate.db.transaction((tx) => grantPermits(tx, place.deviceId));
  return parked;
}

const seed = Number(process.env["KEYTURN_LIFE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

it(`mends what is lost under load, and counts it (KEYTURN_LIFE_SEED=${seed})`, async () => {
  const [losses = []] = fc.sample(
    fc.array(fc.constantFrom<Loss>(...LOSSES), { minLength: 60, maxLength: 60, size: "max" }),
    { seed, numRuns: 1 },
  );
  const having = (...some: Loss[]) => losses.filter((loss) => some.includes(loss)).length;
  const place = await addTarget(estate, target);
  await estate.setPermits(place.deviceId, 100);
  const policyId = await addApproval();
  const make = async (loss: Loss, how: Parameters<typeof changes>[2] = {}) => changes(place, having(loss), how);

  const lost = await loseChanges(place);
  const doomed = await startWorker(["before-commit"]);
  const chain = await loseChain(place, doomed);
  const terminated = await make("run terminated while it waits for its time", { inMs: HOUR_MS });
  const terminatedAsked = await make("run terminated while it waits for approval", { policyId });
  const hurried = await make("run-now not signalled", { inMs: HOUR_MS });
  const approved = await make("approval not signalled", { policyId });
  const [canceled] = await changes(place, 1, { inMs: HOUR_MS });
  if (!canceled) throw new Error("nothing was requested");
  const granted = await loseGrant();
  await tamperer.started(codesOf([...terminated, ...terminatedAsked, ...hurried, ...approved, canceled]));
  await tamperer.terminate(codesOf([...terminated, ...terminatedAsked]));
  await doomed.kill();

  const suppressed = await make("start suppressed");
  const suppressedAsked = await make("start suppressed, awaiting approval", { policyId });
  await tamperer.suppressStarts(codesOf([...suppressed, ...suppressedAsked]));
  for (const { code } of hurried) await estate.act("run-now", code);
  for (const { code } of approved) await estate.act("approve", code, "approver");
  await estate.act("cancel", canceled.code);
  const healthy = await make("nothing");
  const damaged = [
    ...lost,
    ...terminated,
    ...terminatedAsked,
    ...hurried,
    ...approved,
    granted,
    ...suppressed,
    ...suppressedAsked,
  ];
  await tamperer.letTimePass([...codesOf(damaged), chain.parent.code]);
  await startWorker([], { KEYTURN_WORKER_METRICS_PORT: String(tamperer.metricsPort) });
  await tamperer.sweep();

  const expected = {
    started: suppressed.length + suppressedAsked.length,
    signalled: hurried.length + approved.length + 1,
    revived: lost.length + terminated.length + terminatedAsked.length,
    expired: 0,
    chained: 1,
  };
  process.stdout.write(`KEYTURN_LIFE_SEED=${seed} ${JSON.stringify(expected)}, healthy: ${healthy.length}\n`);
  expect(await tamperer.metric()).toEqual(expected);
  // What waits for a person or for a far time is helped on its way, as people would.
  const asked = [...terminatedAsked, ...suppressedAsked];
  for (const { code } of asked) await estate.act("approve", code, "approver");
  for (const { code } of terminated) await estate.act("run-now", code);
  await tamperer.wake(codesOf([...asked, ...terminated, canceled]));

  for (const { account, code } of [...damaged, ...healthy, chain.parent]) {
    await estate.until(code);
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  }
  for (const { credentialId, username } of chain.children) {
    await expect
      .poll(() => estate.currentPassword(credentialId), { timeout: 120_000 })
      .toBe(await estate.currentPassword(chain.parent.account.credentialId));
    expect(await target.logsIn(username, await estate.currentPassword(credentialId))).toBe(true);
  }
  expect(await tamperer.closed(canceled.code)).toBe("canceled");
  expect(await estate.currentPassword(canceled.account.credentialId)).toBe(canceled.account.password);
  await tamperer.sweep();
  expect(await tamperer.metric(), "in health there is nothing to mend").toEqual(expected);
  expect(await tamperer.audited()).toEqual(expected);
});

it("a row that has moved since it was read, or that another pass has taken, is left alone", async () => {
  const place = await addTarget(estate, target);
  const [taken, moved] = codesOf(await changes(place, 2));
  await tamperer.letTimePass([taken ?? 0, moved ?? 0]);
  const rows = await readOverdue(estate.db, 10);
  expect(rows.map(({ code }) => code)).toEqual([taken, moved]);
  await estate.db
    .update(schema.operations)
    .set({ wakeAt: new Date() })
    .where(eq(schema.operations.code, moved ?? 0));
  const claims = await Promise.all([...rows, ...rows].map((row) => claimMend(estate.db, row, "signalled")));
  expect(claims.filter(Boolean)).toHaveLength(1);
  expect(await tamperer.audited()).toEqual({ ...NOTHING, signalled: 1 });
});

it("what stands in a full queue is in health, however long it stands there", async () => {
  const worker = await startWorker(["staged"], {
    KEYTURN_SLOTS: "1",
    KEYTURN_WORKER_METRICS_PORT: String(tamperer.metricsPort),
  });
  const place = await addTarget(estate, target);
  await estate.setPermits(place.deviceId, 100);
  const [first] = await changes(place, 1);
  await worker.reached("staged");
  const backlog = await changes(place, 30);
  await tamperer.started(codesOf(backlog), { queued: true });
  await tamperer.letTimePass(codesOf(backlog));
  await tamperer.sweep();
  expect(await tamperer.metric()).toEqual(NOTHING);
  for (const { code } of backlog) {
    const { waitingFor, wakeAt } = await estate.operation(code);
    expect(waitingFor).toBe("queue");
    expect(wakeAt?.getTime(), "it is left alone for a while").toBeGreaterThan(Date.now());
  }
  worker.go();
  for (const { account, code } of [...(first ? [first] : []), ...backlog]) {
    await estate.until(code);
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  }
  await tamperer.sweep();
  expect(await tamperer.metric()).toEqual(NOTHING);
  expect(await tamperer.audited()).toEqual(NOTHING);
});
