/** What was held back on purpose, by a pause, a window or an approval, begins to miss a worker only afterwards. */
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { expireUntaken } from "../../db/queries/repair.ts";
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
