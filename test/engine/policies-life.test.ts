/** What policies do to operations once a real worker carries them out: pauses, errors in a row, triggers and their end. */
import { Client, Connection } from "@temporalio/client";
import { eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { wakeOperation } from "../../activities/starts.ts";
import { POLICY_SCHEDULE } from "../../contracts/ids.ts";
import type { PolicyInput } from "../../contracts/policies.schema.ts";
import { pausedOperations, pausePolicy } from "../../db/queries/pauses.ts";
import { createPolicy } from "../../db/queries/policies.ts";
import { sweepPage } from "../../db/queries/policy-sweep.ts";
import { noteView } from "../../db/queries/uses.ts";
import { credentials, policyStates } from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { pauseSchedule } from "../helpers/paused-schedule.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addAccounts, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let worker: TestWorker;

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open({ attempts: 1, errorsThatPause: 3, connectTimeoutSeconds: 2 });
  await pauseSchedule(estate, POLICY_SCHEDULE);
});
afterEach(async () => {
  await worker.kill();
  await estate.close();
});

const addPolicy = (policy: Partial<PolicyInput>) =>
  estate.db.transaction((tx) => createPolicy(tx, { name: "the policy", firstChange: "automatic", ...policy }, "test"));

/** Credentials that the policy has wanted changed for an hour. */
async function addDue(policyId: string, count: number, port?: number) {
  const accounts = await addAccounts(estate, target, await addTarget(estate, target, port), count);
  const changedAt = new Date(Date.now() - 7_200_000);
  await estate.db.update(credentials).set({ policyId, changedAt });
  return accounts;
}

async function sweep(): Promise<number[]> {
  const { opened } = await sweepPage(estate.db, { limit: 100, plugins: PLUGINS });
  return opened.map(({ code }) => code);
}

async function credential(id: string) {
  const [row] = await estate.db.select().from(credentials).where(eq(credentials.id, id));
  if (!row) throw new Error("no such credential");
  return row;
}

it("a pause holds what was opened before it, not what a person asks for; its end wakes it", async () => {
  const policyId = await addPolicy({ maxAgeMinutes: 60 });
  const [account] = await addDue(policyId, 1);
  const [code = 0] = await sweep();
  await estate.db.transaction((tx) => pausePolicy(tx, policyId, "test"));
  worker = await TestWorker.start(estate.surroundings);
  await vi.waitFor(async () => expect(await estate.operation(code)).toMatchObject({ waitingFor: "pause" }), 120_000);

  const byHand = await addAccount(estate, target, await addTarget(estate, target));
  await estate.db.update(credentials).set({ policyId });
  const [asked = 0] = await estate.request(byHand.credentialId);
  expect((await estate.until(asked)).state).toBe("succeeded");
  expect(await estate.operation(code)).toMatchObject({ state: "scheduled", waitingFor: "pause", attempts: 0 });

  await estate.db.transaction((tx) => pausePolicy(tx, policyId));
  const { address, namespace } = estate.surroundings.temporal;
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  for await (const refs of pausedOperations(estate.db, { policyId }))
    await Promise.all(refs.map((ref) => wakeOperation(client, ref)));
  await connection.close();
  expect((await estate.until(code)).state).toBe("succeeded");
  if (!account) throw new Error("no account was made");
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("equal errors in a row pause the policy, and each failed credential cools down", async () => {
  const policyId = await addPolicy({ maxAgeMinutes: 60, limits: { coolDownDays: 2 } });
  // Nothing listens there.
  const accounts = await addDue(policyId, 3, 1);
  const codes = await sweep();
  expect(codes).toHaveLength(3);
  worker = await TestWorker.start(estate.surroundings);
  for (const code of codes)
    expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "target.unreachable" });
  const [state] = await estate.db.select().from(policyStates).where(eq(policyStates.policyId, policyId));
  expect(state).toMatchObject({ paused: true, errorsInARow: 3, errorCode: "target.unreachable" });
  for (const { credentialId } of accounts) {
    const { automaticNotBefore, lastFailure, nextChangeAt } = await credential(credentialId);
    expect(lastFailure).toBe("target.unreachable");
    expect(Math.round(((automaticNotBefore?.getTime() ?? 0) - Date.now()) / 3_600_000)).toBe(48);
    expect(nextChangeAt).toEqual(automaticNotBefore);
  }
  await estate.db.update(credentials).set({ automaticNotBefore: null });
  expect(await sweep()).toEqual([]);
  await estate.db.transaction((tx) => pausePolicy(tx, policyId));
  expect(await sweep()).toHaveLength(3);
});

it("a view makes the password change once it was changed by hand, and that change begins everything anew", async () => {
  const policyId = await addPolicy({ maxAgeMinutes: 60, afterViewMinutes: 0, firstChange: "manual" });
  const account = await addAccount(estate, target, await addTarget(estate, target));
  const { credentialId } = account;
  await estate.db.update(credentials).set({ policyId, changedAt: null, createdAt: sql`now() - interval '2 hours'` });
  const view = async () => {
    const current = (await estate.versions(credentialId)).find(({ status }) => status === "current");
    await estate.db.transaction((tx) => noteView(tx, { credentialId, versionId: current?.id ?? "" }));
  };
  await view();
  expect(await sweep()).toEqual([]);

  worker = await TestWorker.start(estate.surroundings);
  const [first = 0] = await estate.request(credentialId);
  expect((await estate.until(first)).state).toBe("succeeded");
  expect(await credential(credentialId)).toMatchObject({ driven: true, viewedAt: null, nextTrigger: "age" });
  expect(await sweep()).toEqual([]);

  await view();
  const [second = 0] = await sweep();
  expect(await estate.until(second)).toMatchObject({ state: "succeeded", trigger: "view", requestedBy: "" });
  expect(await credential(credentialId)).toMatchObject({ viewedAt: null, nextTrigger: "age" });
  expect(await sweep()).toEqual([]);
  await proveNothingLost(estate, target, { code: second, account, mustSucceed: true });
});
