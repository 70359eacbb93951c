/** When a policy changes a credential next, told by the database from its stored facts. */
import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErrorCode } from "../../contracts/errors.ts";
import { type Database, openDatabase } from "../../db/client.ts";
import { newId } from "../../db/new-id.ts";
import { afterSuccess, clearTriggers, coolDown } from "../../db/queries/next-change.ts";
import { clearPolicyErrors, countPolicyError } from "../../db/queries/policy-errors.ts";
import * as schema from "../../db/schema/index.ts";
import { freshDatabase, type TestDatabase } from "../helpers/database.ts";

const { credentials, devices, policies, policyStates } = schema;
const MINUTE = 60_000;

let database: TestDatabase;
let db: Database;
let close: () => Promise<void>;
let deviceId: string;

beforeAll(async () => {
  database = await freshDatabase();
  ({ db, close } = openDatabase(database.url));
  deviceId = newId();
  await db.insert(devices).values({ id: deviceId, name: "d", address: "d.example" });
});
afterAll(async () => {
  await close();
  await database.drop();
});

async function addPolicy(policy: Partial<typeof policies.$inferInsert>): Promise<string> {
  const id = newId();
  await db.insert(policies).values({ name: id, ...policy, id });
  return id;
}

async function addCredential(credential: Partial<typeof credentials.$inferInsert>): Promise<string> {
  const id = newId();
  const fields = { plugin: "plain", username: id, automaticChange: true, driven: true, spread: 0, deviceId };
  await db.insert(credentials).values({ ...fields, ...credential, id });
  return id;
}

async function set(id: string, facts: Parameters<ReturnType<typeof db.update<typeof credentials>>["set"]>[0]) {
  await db.update(credentials).set(facts).where(eq(credentials.id, id));
}

async function next(id: string): Promise<[string | null, number | null]> {
  const [row] = await db
    .select({
      trigger: credentials.nextTrigger,
      minutes: sql<number | null>`round(extract(epoch from ${credentials.nextChangeAt} - now()) / 60)::int`,
    })
    .from(credentials)
    .where(eq(credentials.id, id));
  return [row?.trigger ?? null, row?.minutes ?? null];
}

const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE);

describe("the next change", () => {
  it("is the earliest of age, view and session, each at the earliest after the reuse window", async () => {
    const policyId = await addPolicy({ maxAgeMinutes: 100, afterViewMinutes: 10, afterSessionMinutes: 5 });
    const id = await addCredential({ policyId, changedAt: ago(40) });
    expect(await next(id)).toEqual(["age", 60]);
    await set(id, { viewedAt: ago(3) });
    expect(await next(id)).toEqual(["view", 7]);
    await set(id, { sessionEndedAt: ago(4) });
    expect(await next(id)).toEqual(["session", 1]);
    await db.update(policies).set({ reuseMinutes: 30 }).where(eq(policies.id, policyId));
    await set(id, { policyId });
    expect(await next(id)).toEqual(["session", 26]);
    await set(id, { changedAt: ago(90) });
    expect(await next(id)).toEqual(["age", 10]);
  });

  it("counts the age from the registration while nothing was changed, and is spread backwards", async () => {
    const policyId = await addPolicy({ maxAgeMinutes: 100, jitterMinutes: 40 });
    expect(await next(await addCredential({ policyId, spread: 0.5 }))).toEqual(["age", 80]);
    const soon = await Promise.all(Array.from({ length: 60 }, () => addCredential({ policyId, spread: undefined })));
    const minutes = await Promise.all(soon.map(async (id) => (await next(id))[1] ?? 0));
    expect(Math.min(...minutes)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...minutes)).toBeLessThanOrEqual(100);
    expect(Math.max(...minutes) - Math.min(...minutes)).toBeGreaterThan(20);
  });

  it("is none without what it needs, and comes back with it", async () => {
    const policyId = await addPolicy({ maxAgeMinutes: 100 });
    const byHand = await addCredential({ policyId, driven: false, viewedAt: ago(1), expiredAt: ago(1) });
    expect(await next(byHand)).toEqual([null, null]);
    const ever = await addPolicy({ maxAgeMinutes: 100, firstChange: "automatic" });
    await set(byHand, { policyId: ever, expiredAt: null });
    expect(await next(byHand)).toEqual(["age", 100]);
    for (const facts of [{ active: false }, { automaticChange: false }, { policyId: null }]) {
      const id = await addCredential({ policyId });
      await set(id, facts);
      expect(await next(id)).toEqual([null, null]);
      await set(id, { active: true, automaticChange: true, policyId });
      expect(await next(id)).toEqual(["age", 100]);
    }
    const nothing = await addCredential({ policyId: await addPolicy({}), viewedAt: ago(1), sessionEndedAt: ago(1) });
    expect(await next(nothing)).toEqual([null, null]);
    const off = await addPolicy({ maxAgeMinutes: 100, active: false });
    expect(await next(await addCredential({ policyId: off }))).toEqual([null, null]);
  });

  it("begins anew with a success, waits after a failure, and forgets what a request settles", async () => {
    const policyId = await addPolicy({ maxAgeMinutes: 100, jitterMinutes: 10, afterViewMinutes: 10 });
    const id = await addCredential({ policyId, changedAt: ago(200), viewedAt: ago(1), driven: false });
    await set(id, { driven: true });
    expect(await next(id)).toEqual(["age", -100]);
    await db.transaction((tx) => coolDown(tx, { credentialId: id, days: 2 }));
    expect(await next(id)).toEqual(["age", 2880]);
    await set(id, { expiredAt: ago(1) });
    await set(id, afterSuccess());
    const [trigger, minutes] = await next(id);
    expect(trigger).toBe("age");
    expect(minutes).toBeGreaterThanOrEqual(90);
    expect(minutes).toBeLessThanOrEqual(100);
    await set(id, { viewedAt: ago(1), sessionEndedAt: ago(1) });
    expect(await next(id)).toEqual(["view", 9]);
    await db.transaction((tx) => clearTriggers(tx, [id, newId()]));
    expect((await next(id))[0]).toBe("age");
  });

  it("sees the policy as an edit left it that held the credential meanwhile", async () => {
    const policyId = await addPolicy({ maxAgeMinutes: 100 });
    const id = await addCredential({ policyId });
    let success: Promise<void> | undefined;
    await db.transaction(async (tx) => {
      await tx.update(policies).set({ maxAgeMinutes: 50 }).where(eq(policies.id, policyId));
      await tx.update(credentials).set({ policyId }).where(eq(credentials.id, id));
      success = set(id, afterSuccess());
      // It has begun, with the policy of before in its snapshot, and waits for the row.
      for (;;) {
        const [waiting] = await db.execute<{ n: number }>(sql`
          select count(*)::int as n from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like 'update "credentials"%'`);
        if (waiting?.n === 1) break;
      }
    });
    await success;
    expect(await next(id)).toEqual(["age", 50]);
  });
});

describe("equal errors in a row", () => {
  it("pause the policy once, at the limit; another error or a success begins anew", async () => {
    const policyId = await addPolicy({});
    const fail = (code: ErrorCode) => db.transaction((tx) => countPolicyError(tx, { policyId, code, limit: 3 }));
    const succeed = () => db.transaction((tx) => clearPolicyErrors(tx, policyId));
    const state = async () => (await db.select().from(policyStates).where(eq(policyStates.policyId, policyId)))[0];
    await fail("target.timeout");
    await fail("target.timeout");
    await succeed();
    await fail("target.timeout");
    await fail("target.timeout");
    await fail("auth.rejected");
    await fail("auth.rejected");
    expect(await state()).toMatchObject({ paused: false, errorsInARow: 2, errorCode: "auth.rejected" });
    await Promise.all([fail("auth.rejected"), fail("auth.rejected"), fail("auth.rejected")]);
    expect(await state()).toMatchObject({ paused: true, errorsInARow: 5 });
    expect((await state())?.pausedReason).toContain("auth.rejected");
    const alarms = await db.select().from(schema.outbox).where(eq(schema.outbox.event, "policy.paused"));
    expect(alarms.map(({ payload }) => payload)).toEqual([{ policyId, outcome: "auth.rejected" }]);
    const rows = await db.select().from(schema.audit).where(eq(schema.audit.objectId, policyId));
    expect(rows.map(({ action }) => action)).toEqual(["policy.paused"]);
  });
});
