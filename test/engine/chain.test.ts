/** Children follow their parents: real workers, workflows and servers. */
import { setTimeout as sleep } from "node:timers/promises";
import { eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Moment } from "../../activities/deps.ts";
import { newId } from "../../db/new-id.ts";
import { act } from "../../db/queries/operation-actions.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import {
  addMembers,
  adopt,
  childrenOf,
  eventually,
  type Member,
  operationsOf,
  proveFollowed,
  proveOnce,
  settled,
} from "./family.ts";
import { addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

const { devices, operations, strengths } = schema;

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
const workers: TestWorker[] = [];

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.kill()));
  await estate.close();
});

async function startWorker(moments: readonly Moment[] = []): Promise<TestWorker> {
  const worker = await TestWorker.start(estate.surroundings, moments);
  workers.push(worker);
  return worker;
}

/** Accounts on the server that change their own passwords, the first of them parent of the others. */
async function family(count: number): Promise<{ parent: Member; children: Member[] }> {
  const place = await addTarget(estate, target);
  const [parent, ...children] = await addMembers(estate, { target, place }, count + 1);
  if (!parent) throw new Error("no account was made");
  await adopt(estate, parent, children);
  return { parent, children };
}

async function requestParent(parent: Member): Promise<number> {
  const [code = 0] = await estate.request(parent.credentialId);
  return code;
}

const states = async (code: number) => (await childrenOf(estate, code)).map(({ state }) => state).toSorted();

it("children get their parent's value, at any depth, and those with a value of their own another", async () => {
  const { parent, children } = await family(4);
  const [first, second, third, alone] = children as [Member, Member, Member, Member];
  await adopt(estate, first, [second]);
  await adopt(estate, second, [third]);
  await adopt(estate, parent, [alone], { childValue: "own", automaticChange: false });
  await startWorker();
  const code = await requestParent(parent);
  await eventually(async () => expect(await operationsOf(estate, third)).toHaveLength(1));
  await settled(estate);

  await proveFollowed(estate, parent, [first]);
  await proveFollowed(estate, first, [second]);
  await proveFollowed(estate, second, [third]);
  const made = await Promise.all([parent, ...children].map((member) => operationsOf(estate, member)));
  expect(made.map((rows) => rows.map(({ state, kind, trigger }) => `${state} ${kind} ${trigger}`))).toEqual([
    ["succeeded change-password request"],
    ...Array.from({ length: 4 }, () => ["succeeded child-password-change parent"]),
  ]);
  const [, ofFirst, ofSecond] = made.map(([row]) => row?.code);
  expect(made.map(([row]) => row?.parentCode)).toEqual([null, code, ofFirst, ofSecond, code]);
  const own = await estate.currentPassword(alone.credentialId);
  expect(own).not.toBe(await estate.currentPassword(parent.credentialId));
  expect(await alone.logsIn(own)).toBe(true);
});

it("a child whose device is away ends in error by itself, and its restart takes the parent's value", async () => {
  const { parent, children } = await family(3);
  const [, , away] = children as [Member, Member, Member];
  const deviceId = await target.addDevice(estate);
  await estate.db.update(devices).set({ port: 1 }).where(eq(devices.id, deviceId));
  await adopt(estate, parent, [away], { deviceId });
  await startWorker();
  const code = await requestParent(parent);
  await eventually(async () => expect(await states(code)).toEqual(["error", "succeeded", "succeeded"]));
  await settled(estate);
  await proveFollowed(estate, parent, children.slice(0, 2));
  const [failed] = await operationsOf(estate, away);
  expect(failed).toMatchObject({ outcome: "target.unreachable", attempts: 3, parentCode: code });
  expect(await away.logsIn(away.password)).toBe(true);

  await estate.db.update(devices).set({ port: target.port }).where(eq(devices.id, deviceId));
  await restart(failed?.code ?? 0);
  await estate.until(failed?.code ?? 0, ["succeeded"]);
  await proveFollowed(estate, parent, children);
  await proveOnce(estate, code, children);
  expect(await operationsOf(estate, parent)).toHaveLength(1);
});

async function restart(code: number): Promise<void> {
  const actor = { actor: "test", person: "tester" };
  await estate.db.transaction((tx) => act(tx, "restart", { codes: [code], actor, plugins: PLUGINS }));
}

it("the parent changed again while its children run: all end on the newest value", async () => {
  const { parent, children } = await family(4);
  const opened = await startWorker(["children-opened"]);
  const before = await requestParent(parent);
  await opened.reached("children-opened");
  await opened.kill();
  // One child is held after its point of no return, with the value from before; the others have it.
  const held = await startWorker(["after-point"]);
  await held.reached("after-point");
  await eventually(async () => expect(await states(before)).toEqual(["running", ...Array(3).fill("succeeded")]));
  const code = await requestParent(parent);
  await eventually(async () => expect(await states(code)).toEqual(Array(3).fill("succeeded")));
  held.go();
  await settled(estate);
  await proveFollowed(estate, parent, children);
  for (const made of [before, code]) {
    // On a busy machine the held one is taken for dead, tries again, and one operation does for both chains.
    const had = new Set((await childrenOf(estate, made)).map(({ credentialId }) => credentialId));
    expect(had.size).toBeGreaterThanOrEqual(3);
    await proveOnce(
      estate,
      made,
      children.filter(({ credentialId }) => had.has(credentialId)),
    );
  }
});

it("children that wait for their time or for an approval change with their parent at once", async () => {
  const { parent, children } = await family(2);
  const [early, unapproved] = await estate.request(...children.map(({ credentialId }) => credentialId));
  const later = new Date(Date.now() + 3_600_000);
  await estate.db
    .update(operations)
    .set({ dueAt: later, scheduledFor: later, wakeAt: later, waitingFor: "time" })
    .where(eq(operations.code, early ?? 0));
  await estate.db
    .update(operations)
    .set({
      state: "awaiting-approval",
      approval: { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 60 },
      approvalDigest: "as it was requested",
      approvalExpiresAt: later,
      wakeAt: later,
      waitingFor: null,
    })
    .where(eq(operations.code, unapproved ?? 0));
  await startWorker();
  const unstarted = sql`${operations.startedRun} < ${operations.run}`;
  await eventually(async () => expect(await estate.db.select().from(operations).where(unstarted)).toEqual([]));
  const code = await requestParent(parent);
  await eventually(async () => expect(await states(code)).toEqual(["succeeded", "succeeded"]));
  await settled(estate);
  await proveFollowed(estate, parent, children);
  expect((await childrenOf(estate, code)).map((made) => made.code)).toEqual([early, unapproved]);
});

it("a child changed alone is changed again with its parent", async () => {
  const { parent, children } = await family(2);
  await startWorker();
  await requestParent(parent);
  await eventually(async () => expect(await operationsOf(estate, children[1] as Member)).toHaveLength(1));
  await settled(estate);
  const [alone = 0] = await estate.request(children[0]?.credentialId ?? "");
  await estate.until(alone, ["succeeded"]);
  expect(await estate.currentPassword(children[0]?.credentialId ?? "")).not.toBe(
    await estate.currentPassword(parent.credentialId),
  );
  const code = await requestParent(parent);
  await eventually(async () => expect(await states(code)).toEqual(["succeeded", "succeeded"]));
  await settled(estate);
  await proveFollowed(estate, parent, children);
});

it("a parent that failed starts no children", async () => {
  const { parent, children } = await family(2);
  await estate.db.update(devices).set({ port: 1 });
  await startWorker();
  const code = await requestParent(parent);
  expect(await estate.until(code)).toMatchObject({ state: "error", childrenPending: false });
  await settled(estate);
  expect((await Promise.all(children.map((child) => operationsOf(estate, child)))).flat()).toEqual([]);
});

it("a child that cannot take the parent's value says so, and the parent's next value is legal for it", async () => {
  const { parent, children } = await family(1);
  const [child] = children as [Member];
  await adopt(estate, parent, [child], { parentCredentialId: null, plugin: "linux" });
  const id = newId();
  const rules = { minLength: 128, maxLength: 128, lowercase: 1, uppercase: 1, digits: 1, symbols: 0 };
  await estate.db
    .insert(strengths)
    .values({ id, name: "longest", rules: { ...rules, symbolSet: "", repeatedNeighbours: true } });
  await adopt(estate, parent, [parent], { parentCredentialId: null, strengthId: id });
  // The parent's value is made while the child is not its child yet: 128 characters, and linux takes 127.
  const worker = await startWorker(["staged"]);
  const code = await requestParent(parent);
  await worker.reached("staged");
  await adopt(estate, parent, [child]);
  worker.go();
  await eventually(async () => expect(await states(code)).toEqual(["error"]));
  const [refused] = await operationsOf(estate, child);
  expect(refused).toMatchObject({ outcome: "child.password-not-legal", attempts: 0 });
  expect(await estate.currentPassword(child.credentialId)).toBe(child.password);

  // From now on the generator asks what the child can take: nothing has 128 characters and at most 127.
  const again = await requestParent(parent);
  expect(await estate.until(again)).toMatchObject({ state: "error", outcome: "operation.not-eligible", attempts: 0 });
  await estate.db
    .update(strengths)
    .set({ rules: sql`${strengths.rules} || '{"minLength": 126}'` })
    .where(eq(strengths.id, id));
  for (let round = 0; round < 6; round += 1) {
    await estate.until(await requestParent(parent), ["succeeded"]);
    expect((await estate.currentPassword(parent.credentialId)).length).toBeLessThanOrEqual(127);
  }
});

describe("a worker killed", () => {
  it.each<[string, Moment]>([
    ["after the parent's promotion, before the chain starts", "promoted"],
    ["after the children's operations are made, before they start", "children-opened"],
  ])("%s: every child follows, once", async (_, moment) => {
    const { parent, children } = await family(5);
    const doomed = await startWorker([moment]);
    const code = await requestParent(parent);
    await doomed.reached(moment);
    await doomed.kill();
    await startWorker();
    await eventually(async () => expect(await states(code)).toEqual(Array(5).fill("succeeded")));
    await settled(estate);
    await proveFollowed(estate, parent, children);
    await proveOnce(estate, code, children);
  });

  it("again and again while the chain runs: every child follows, once", async () => {
    const { parent, children } = await family(12);
    await startWorker();
    const code = await requestParent(parent);
    await estate.until(code, ["succeeded"]);
    for (const pause of [5, 40, 150, 400]) {
      await sleep(pause);
      await workers.splice(0)[0]?.kill();
      await startWorker();
    }
    await eventually(async () => expect(await states(code)).toEqual(Array(12).fill("succeeded")));
    await settled(estate);
    await proveFollowed(estate, parent, children);
    await proveOnce(estate, code, children);
  });
});
