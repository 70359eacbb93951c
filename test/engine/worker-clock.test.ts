/** A worker whose clock is more than a day ahead of the database's: it decides nothing by its own. */
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { probe } from "../../activities/probe.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import { type Database, openDatabase } from "../../db/client.ts";
import { newId } from "../../db/new-id.ts";
import { passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { sweepPage } from "../../db/queries/policy-sweep.ts";
import { expireUntaken } from "../../db/queries/repair.ts";
import { stage } from "../../db/queries/stage.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { putClockBack } from "../helpers/clock.ts";
import { Estate } from "../helpers/estate.ts";
import { stageAttempt } from "../helpers/staging.ts";
import { depsOf, postgresqlThat, running } from "./without-worker.ts";

const settings = Settings.parse({ noWorkerHours: 24 });

let estate: Estate;
/** As the worker reaches it. */
let db: Database;
let close: () => Promise<void>;
beforeEach(async () => {
  estate = await Estate.open();
  await putClockBack(estate, "30 hours");
  ({ db, close } = openDatabase(estate.surroundings.databaseUrl, { connections: 2 }));
});
afterEach(async () => {
  await close();
  await estate.close();
});

/** A credential of a policy whose window is open by the worker's clock alone. */
async function addCredential(): Promise<string> {
  const id = newId();
  const windows = { timeZone: "UTC", age: { days: [1, 2, 3, 4, 5, 6, 7], hours: [new Date().getUTCHours()] } };
  await db.insert(schema.policies).values({ id, name: "nightly", maxAgeMinutes: 60, windows });
  const deviceId = await estate.addDevice({ address: "127.0.0.1" });
  return estate.addCredential({ deviceId, plugin: "postgresql", username: "one", password: "old", policyId: id });
}

it("what has waited for a moment is not ended as waiting for a day", async () => {
  const [code = 0] = await estate.request(await addCredential());
  await db.execute(sql`update operations set due_at = now()`);
  expect(await expireUntaken(db, code, settings)).toBe(false);
  expect((await estate.operation(code)).state).toBe("scheduled");
});

it("no automatic change starts outside of its window", async () => {
  const [code = 0] = await estate.request(await addCredential());
  await db.execute(sql`update operations set due_at = now(), trigger = 'age'`);
  const prepare = () => ({ seal: () => Buffer.from("") });
  const staged = await stage(db, { code, run: 1, worker: "test", settings, changeMs: 60_000, prepare });
  expect(staged).toMatchObject({ kind: "parked", waitingFor: "window" });
});

it("what a lost worker may still be sending is not told as over", async () => {
  const [code = 0] = await estate.request(await addCredential());
  await db.execute(sql`update operations set due_at = now()`);
  const sent = await stageAttempt(estate, code, settings);
  await passPointOfNoReturn(db, sent, 60);
  // As an attempt of a job is: it has no password to look for.
  await db.execute(sql`update attempts set secret_version_id = null`);
  const plugin = postgresqlThat(async () => {});
  const looked = await probe({ ...depsOf(estate, plugin), db }, { code, run: 1 }, running);
  expect(looked).toMatchObject({ kind: "undecided" });
});

it("no pass over due credentials opens one within it", async () => {
  await addCredential();
  await db.execute(sql`update credentials set driven = true, changed_at = now() - interval '1 day', spread = 0`);
  const { opened } = await sweepPage(db, { limit: 10, plugins: PLUGINS });
  expect(opened).toHaveLength(1);
  expect(await estate.operation(opened[0]?.code ?? 0)).toMatchObject({ waitingFor: "window" });
});
