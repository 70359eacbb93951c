/** The pass over due credentials, page by page, on the database alone: what it opens, what it leaves, what may disturb it. */
import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../../db/client.ts";
import { newId } from "../../db/new-id.ts";
import { afterSuccess } from "../../db/queries/next-change.ts";
import { pausePolicy, pauseSite, windowOperations } from "../../db/queries/pauses.ts";
import { sweepPage } from "../../db/queries/policy-sweep.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import * as schema from "../../db/schema/index.ts";
import { freshDatabase, type TestDatabase } from "../helpers/database.ts";

const { credentials, devices, operations, policies } = schema;
const MINUTE = 60_000;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const DAILY = [1, 2, 3, 4, 5, 6, 7];

const capabilities = { template: "none", ownAccount: true, otherAccount: true } as const;
const plugins = [{ kind: "plain", capabilities }];

let database: TestDatabase;
let db: Database;
let close: () => Promise<void>;
beforeAll(async () => {
  database = await freshDatabase();
  ({ db, close } = openDatabase(database.url, { connections: 20 }));
});
afterAll(async () => {
  await close();
  await database.drop();
});
beforeEach(async () => {
  await db.execute(sql`update operations set open_credential_id = null, state = 'canceled'`);
  await db.execute(sql`update credentials set active = false`);
  await db.execute(sql`delete from sites`);
});

async function addPolicy(policy: Partial<typeof policies.$inferInsert> = {}): Promise<string> {
  const id = newId();
  await db.insert(policies).values({ name: id, maxAgeMinutes: 60, ...policy, id });
  return id;
}

async function addDevice(device: Partial<typeof devices.$inferInsert> = {}): Promise<string> {
  const id = newId();
  await db.insert(devices).values({ name: id, address: "d.example", ...device, id });
  return id;
}

/** A credential whose password is so many minutes too old. */
async function addDue(
  policyId: string,
  overdue: number,
  fields: Partial<typeof credentials.$inferInsert> = {},
): Promise<string> {
  const id = newId();
  const changedAt = new Date(Date.now() - (60 + overdue) * MINUTE);
  const deviceId = fields.deviceId ?? (await addDevice());
  const usual = { plugin: "plain", username: id, automaticChange: true, driven: true, spread: 0, changedAt };
  await db.insert(credentials).values({ ...usual, ...fields, id, deviceId, policyId });
  await db
    .insert(schema.secretVersions)
    .values({ id: newId(), credentialId: id, version: 1, status: "current", origin: "stored" });
  return id;
}

const sweep = (limit = 100) => sweepPage(db, { limit, plugins });
const sweptIds = async (limit?: number) => (await sweep(limit)).opened.map(({ credentialId }) => credentialId);

async function openOf(credentialId: string) {
  const rows = await db.select().from(operations).where(eq(operations.openCredentialId, credentialId));
  expect(rows.length).toBeLessThanOrEqual(1);
  return rows[0];
}

async function stateOf(id: string) {
  const [row] = await db.select().from(credentials).where(eq(credentials.id, id));
  if (!row) throw new Error("no such credential");
  return row;
}

describe("a page of the pass", () => {
  it("opens what is due, by priority of the policy and then by time, and no more than it may", async () => {
    const [low, high] = [await addPolicy(), await addPolicy({ priority: 5 })];
    const ids = [await addDue(low, 50), await addDue(low, 90), await addDue(high, 1), await addDue(high, 2)];
    await addDue(low, -1);
    const order = [3, 2, 1, 0].map((place) => ids[place]);
    expect(await sweptIds(1)).toEqual([order[0]]);
    expect((await sweptIds(2)).toSorted()).toEqual(order.slice(1, 3).toSorted());
    expect(await sweptIds()).toEqual([order[3]]);
    expect(await sweep()).toEqual({ opened: [], refused: 0 });
    expect(await openOf(ids[2] ?? "")).toMatchObject({
      kind: "change-password",
      state: "scheduled",
      trigger: "age",
      priority: 3,
      requestedBy: "",
      policyId: high,
      waitingFor: "queue",
    });
  });

  it("opens changes due by a view and by a session, and those that want an approval wait for it", async () => {
    const approval = { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 30 };
    const policyId = await addPolicy({ afterViewMinutes: 0, afterSessionMinutes: 0, approval });
    const viewed = await addDue(policyId, -30, { viewedAt: new Date() });
    const used = await addDue(policyId, -30, { sessionEndedAt: new Date() });
    expect((await sweptIds()).toSorted()).toEqual([viewed, used].toSorted());
    expect(await openOf(viewed)).toMatchObject({ trigger: "view", state: "awaiting-approval", approval });
    expect(await openOf(used)).toMatchObject({ trigger: "session", state: "awaiting-approval" });
  });

  it("leaves what is paused, open, waits for a person, or cools down", async () => {
    const [policyId, paused] = [await addPolicy(), await addPolicy()];
    const far = await addDevice({ site: "far" });
    const held = {
      policy: await addDue(paused, 1),
      site: await addDue(policyId, 1, { deviceId: far }),
      attention: await addDue(policyId, 1, { attention: "change.unverified" }),
      cooling: await addDue(policyId, 1, { automaticNotBefore: new Date(Date.now() + MINUTE) }),
      open: await addDue(policyId, 1),
    };
    const request = { credentialIds: [held.open], reason: "", actor: { actor: "test" }, plugins };
    await db.transaction((tx) => requestChanges(tx, request));
    await db.transaction((tx) => pausePolicy(tx, paused, "test"));
    await db.transaction((tx) => pauseSite(tx, "far", "test"));
    expect(await sweep()).toEqual({ opened: [], refused: 0 });
    await db.transaction((tx) => pausePolicy(tx, paused));
    await db.transaction((tx) => pauseSite(tx, "far"));
    await db.update(schema.settings).set({ values: { automaticPaused: true } });
    expect(await sweep()).toEqual({ opened: [], refused: 0 });
    await db.update(schema.settings).set({ values: {} });
    expect((await sweptIds()).toSorted()).toEqual([held.policy, held.site].toSorted());
  });

  it("puts off for an hour what accepts no change, says why, and looks again once it does", async () => {
    const policyId = await addPolicy();
    const orphan = await addDue(policyId, 1, { useOwnCredential: false });
    const fine = await addDue(policyId, 0);
    expect(await sweep()).toMatchObject({ opened: [{ credentialId: fine }], refused: 1 });
    const before = await stateOf(orphan);
    expect(before.automaticRefusal).toBe("credential.no-authenticator");
    expect(Math.round(((before.nextChangeAt?.getTime() ?? 0) - Date.now()) / MINUTE)).toBe(60);
    expect(await sweep()).toEqual({ opened: [], refused: 0 });
    await db
      .update(credentials)
      .set({ useOwnCredential: true, automaticNotBefore: null })
      .where(eq(credentials.id, orphan));
    expect(await sweptIds()).toEqual([orphan]);
    expect((await stateOf(orphan)).automaticRefusal).toBeNull();
  });

  it("gives changes outside the window of their trigger the moment when it opens", async () => {
    const now = new Date();
    const hour = now.getUTCHours();
    const windows = {
      timeZone: "UTC",
      age: { days: DAILY, hours: [(hour + 3) % 24] },
      use: { days: DAILY, hours: HOURS },
    };
    const policyId = await addPolicy({ windows, afterViewMinutes: 0 });
    const aged = await addDue(policyId, 1);
    const viewed = await addDue(policyId, -30, { viewedAt: now });
    await sweep();
    const opening = new Date(now);
    opening.setUTCHours(hour + 3, 0, 0, 0);
    expect(await openOf(aged)).toMatchObject({ waitingFor: "window", dueAt: opening, scheduledFor: opening });
    expect(await openOf(viewed)).toMatchObject({ waitingFor: "queue" });
    // Its windows are edited: stage is to look again.
    const woken: number[] = [];
    for await (const page of windowOperations(db, policyId)) woken.push(...page.map(({ code }) => code));
    const { code, dueAt } = (await openOf(aged)) ?? {};
    expect(woken).toEqual([code]);
    expect(dueAt?.getTime()).toBeLessThanOrEqual(Date.now());
  });
});

describe("whatever happens at the same moment", () => {
  it("each due credential gets one operation: passes side by side, and people who request the same", async () => {
    const policyId = await addPolicy({ afterViewMinutes: 0 });
    const deviceId = await addDevice();
    const ids = await Promise.all(
      Array.from({ length: 60 }, () => addDue(policyId, 1, { deviceId, viewedAt: new Date(Date.now() - MINUTE) })),
    );
    const request = { credentialIds: ids, reason: "", actor: { actor: "test" }, plugins };
    await Promise.all([
      ...Array.from({ length: 6 }, () => sweep(7)),
      db.transaction((tx) => requestChanges(tx, request)),
      ...Array.from({ length: 6 }, () => sweep(7)),
      db.transaction((tx) => requestChanges(tx, { ...request, credentialIds: ids.toReversed() })),
    ]);
    for (let page = await sweep(7); page.opened.length > 0; page = await sweep(7));
    const rows = await db.select().from(operations).where(eq(operations.deviceId, deviceId));
    expect(rows.map(({ credentialId }) => credentialId).toSorted()).toEqual(ids.toSorted());
  });

  it("a credential whose change succeeds while the pass reads is not changed twice", async () => {
    const policyId = await addPolicy();
    const id = await addDue(policyId, 1);
    await db.transaction(async (tx) => {
      await tx.update(credentials).set(afterSuccess()).where(eq(credentials.id, id));
      expect(await sweep()).toEqual({ opened: [], refused: 0 });
    });
    expect(await sweep()).toEqual({ opened: [], refused: 0 });
    expect((await stateOf(id)).nextChangeAt?.getTime()).toBeGreaterThan(Date.now());
  });
});
