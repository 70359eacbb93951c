/** What was held back on purpose, by a pause, a window or an approval, begins to miss a worker only afterwards. */
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { expireUntaken } from "../../db/queries/repair.ts";
import { windowOperations } from "../../db/queries/pauses.ts";
import { createPolicy, editPolicy } from "../../db/queries/policies.ts";
import { lockPolicies } from "../../db/queries/resolve-policies.ts";
import { retarget } from "../../db/queries/retarget.ts";
import { stage } from "../../db/queries/stage.ts";
import { needApprovals } from "../helpers/approvals.ts";
import { Estate } from "../helpers/estate.ts";

const settings = Settings.parse({});
const HOURS = 24;

let estate: Estate;
beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(() => estate.close());

/** A change that was due two days ago, on a device that takes no change now. */
async function request(waitingFor: "pause" | "window" | null): Promise<number> {
  const deviceId = await estate.addDevice({ address: "127.0.0.1", permits: 0 });
  const id = await estate.addCredential({ deviceId, plugin: "postgresql", username: "one", password: "old" });
  const [code = 0] = await estate.request(id);
  await estate.db.execute(sql`update operations set due_at = now() - interval '2 days',
    scheduled_for = now() - interval '2 days', waiting_for = ${waitingFor}, trigger = 'age' where code = ${code}`);
  return code;
}

const misses = (code: number) => expireUntaken(estate.db, code, Settings.parse({ noWorkerHours: HOURS }));

async function park(code: number) {
  const prepare = () => ({ seal: () => Buffer.from("") });
  return stage(estate.db, { code, run: 1, worker: "test", settings, changeMs: 60_000, prepare });
}

it("a pause that is over, and the device has no place yet", async () => {
  const code = await request("pause");
  expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "device" });
  expect(await misses(code)).toBe(false);
  // From then on its time runs, however often it is parked again.
  await estate.db.execute(sql`update operations set due_at = due_at - interval '2 days'`);
  expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "device" });
  expect(await misses(code)).toBe(true);
});

it("a window that run-now lifts", async () => {
  const code = await request("window");
  await estate.act("run-now", code);
  expect(await misses(code)).toBe(false);
});

it("an approval that the parent's change makes needless", async () => {
  await needApprovals(estate.db, 1);
  const code = await request(null);
  const parent = await estate.operation(code);
  await estate.db.transaction((tx) => retarget(tx, { ...parent, code: code + 1 }, [code]));
  expect(await estate.operation(code)).toMatchObject({ state: "scheduled", kind: "child-password-change" });
  expect(await misses(code)).toBe(false);
});

it("a reconciliation by itself waits for the end of a pause, one that a person asks for does not", async () => {
  const code = await request(null);
  await estate.db.execute(sql`update settings set values = values || '{"automaticPaused": true}'`);
  await estate.db.execute(sql`update operations set trigger = 'reconcile' where code = ${code}`);
  expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "pause" });
  await estate.db.execute(sql`update operations set trigger = 'request' where code = ${code}`);
  expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "device" });
});

/** An operation under a policy whose window is shut for hours. */
async function shutOut() {
  const code = await request(null);
  const hour = (new Date().getUTCHours() + 5) % 24;
  const windows = { timeZone: "UTC", age: { days: [1, 2, 3, 4, 5, 6, 7], hours: [hour] } };
  const policyId = await estate.db.transaction((tx) =>
    createPolicy(tx, { name: "shut", maxAgeMinutes: 60, windows }, "test"),
  );
  await estate.db.execute(sql`update operations set policy_id = ${policyId} where code = ${code}`);
  return { code, policyId, deviceId: (await estate.operation(code)).deviceId };
}

const openAllDay = (policyId: string) =>
  estate.db.transaction((tx) =>
    editPolicy(tx, { id: policyId, revision: 1, patch: { windows: { timeZone: "UTC" } }, person: "test" }),
  );

async function found(policyId: string): Promise<number[]> {
  const all: number[] = [];
  for await (const refs of windowOperations(estate.db, policyId)) all.push(...refs.map(({ code }) => code));
  return all;
}

it("one that parks for a window just after an edit opened it looks again at once", async () => {
  const { code, policyId, deviceId } = await shutOut();
  // The credential is another policy's by now, so that the edit has no need of it.
  await estate.db.execute(sql`update policies set active = false where id = ${policyId}`);
  await estate.db.execute(sql`update credentials set policy_id = null`);
  let parked: ReturnType<typeof park> | undefined;
  await estate.db.transaction(async (tx) => {
    // Stage reads its parties, the old window with them, and waits here for the device.
    await tx.execute(sql`select 1 from devices where id = ${deviceId} for update`);
    parked = park(code);
    await vi.waitFor(async () => {
      const [waiting] = await estate.db.execute(
        sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      expect(waiting).toBeDefined();
    }, 60_000);
    await openAllDay(policyId);
    expect(await found(policyId)).toEqual([]);
  });
  expect(await parked).toMatchObject({ kind: "parked", waitingFor: "window" });
  const { wakeAt } = await estate.operation(code);
  expect((wakeAt?.getTime() ?? Infinity) - Date.now()).toBeLessThanOrEqual(1000);
  expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "device" });
});

it("one that parked for a window before an edit opened it is found by the edit", async () => {
  const { code, policyId } = await shutOut();
  expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "window" });
  const { wakeAt } = await estate.operation(code);
  expect((wakeAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(3_600_000);
  await openAllDay(policyId);
  expect(await found(policyId)).toEqual([code]);
});

it("one that parks for a window while its policy is being edited looks again at once", async () => {
  const { code } = await shutOut();
  await estate.db.transaction(async (tx) => {
    await lockPolicies(tx);
    expect(await park(code)).toMatchObject({ kind: "parked", waitingFor: "window" });
  });
  const { wakeAt } = await estate.operation(code);
  expect((wakeAt?.getTime() ?? Infinity) - Date.now()).toBeLessThanOrEqual(1000);
});
