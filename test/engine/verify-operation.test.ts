/** `verify-password` as an operation: it shares the life of the others, and touches no password. */
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { act } from "../../db/queries/operation-actions.ts";
import { requestVerification } from "../../db/queries/verify-operation.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { lastCheck } from "./drift-sweep.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveAuditTellsTheStory } from "./proof.ts";

const actor = { actor: "test", person: "tester" };

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let worker: TestWorker;
beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(async () => {
  await worker.kill();
  await estate.close();
});

const addOne = async () => addAccount(estate, target, await addTarget(estate, target));

async function verify(credentialId: string, scheduledFor?: Date) {
  const request = { credentialId, reason: "audit", actor, plugins: PLUGINS, scheduledFor };
  return (await estate.db.transaction((tx) => requestVerification(tx, request))).code;
}

const untouched = async (credentialId: string) =>
  expect((await estate.versions(credentialId)).map(({ version, status }) => ({ version, status }))).toEqual([
    { version: 1, status: "current" },
  ]);

it("succeeds when the stored password logs in, with automatic change off too", async () => {
  worker = await TestWorker.start(estate.surroundings);
  const { credentialId } = await addOne();
  await estate.db
    .update(schema.credentials)
    .set({ automaticChange: false })
    .where(eq(schema.credentials.id, credentialId));
  const code = await verify(credentialId);
  expect(await estate.until(code)).toMatchObject({ kind: "verify-password", state: "succeeded", outcome: null });
  const [attempt] = await estate.attempts(code);
  expect(attempt).toMatchObject({ outcome: "verify.accepted", secretVersionId: null, sentAt: null, permit: false });
  expect(attempt?.steps.map(({ step }) => step)).toEqual(["stage", "verify"]);
  expect(await lastCheck(estate, credentialId)).toMatchObject({ verdict: "accepted" });
  await untouched(credentialId);
  await proveAuditTellsTheStory(estate, code, "succeeded");
});

it("ends in error when the password is rejected, and can be restarted", async () => {
  worker = await TestWorker.start(estate.surroundings);
  const { credentialId, username, password } = await addOne();
  await target.setPassword(username, "Some-body-3lse");
  const code = await verify(credentialId);
  expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "verify.rejected" });
  expect(await lastCheck(estate, credentialId)).toMatchObject({ verdict: "rejected", attention: null });
  await target.setPassword(username, password);
  const { outcomes } = await estate.db.transaction((tx) =>
    act(tx, "restart", { codes: [code], actor, plugins: PLUGINS }),
  );
  expect(outcomes).toEqual([{ code, state: "scheduled" }]);
  expect((await estate.until(code, ["succeeded"])).attempts).toBe(2);
  await untouched(credentialId);
});

it("an account whose log-ins are used up waits, and is not asked", async () => {
  worker = await TestWorker.start(estate.surroundings);
  const { credentialId, username } = await addOne();
  const [device] = await estate.db.select({ id: schema.devices.id }).from(schema.devices);
  const used = ["1", "2"].map((digit) => ({
    id: `00000000-0000-4000-8000-00000000000${digit}`,
    account: `${device?.id}/${username}`,
    failed: new Date(),
  }));
  await estate.db.insert(schema.loginReservations).values(used);
  const code = await verify(credentialId);
  await expect.poll(async () => (await estate.operation(code)).waitingFor, { timeout: 120_000 }).toBe("login-budget");
  expect(await estate.attempts(code)).toEqual([]);
});

it("can be canceled before its time, and frees the credential", async () => {
  worker = await TestWorker.start(estate.surroundings);
  const { credentialId } = await addOne();
  const code = await verify(credentialId, new Date(Date.now() + 3_600_000));
  await expect(verify(credentialId)).rejects.toMatchObject({ code: "credential.change-open" });
  await estate.db.transaction((tx) => act(tx, "cancel", { codes: [code], actor, plugins: PLUGINS }));
  expect((await estate.operation(code)).state).toBe("canceled");
  const again = await verify(credentialId);
  expect((await estate.until(again)).state).toBe("succeeded");
});

it("a worker that dies in it is made up for by another attempt", async () => {
  worker = await TestWorker.start(estate.surroundings, ["verified"]);
  const { credentialId } = await addOne();
  const code = await verify(credentialId);
  await worker.reached("verified");
  await worker.kill();
  worker = await TestWorker.start(estate.surroundings);
  expect((await estate.until(code)).state).toBe("succeeded");
  expect((await estate.attempts(code)).map(({ outcome }) => outcome)).toEqual([
    "change.interrupted",
    "verify.accepted",
  ]);
  await untouched(credentialId);
});

it("is approved like any other where the settings want it", async () => {
  await estate.close();
  estate = await Estate.open({ approvalsByKind: { "verify-password": 1 } });
  const { credentialId } = await addOne();
  await estate.db
    .update(schema.credentials)
    .set({ useOwnCredential: false })
    .where(eq(schema.credentials.id, credentialId));
  const code = await verify(credentialId);
  expect((await estate.operation(code)).state).toBe("awaiting-approval");
  const approver = { actor: "test", person: "approver" };
  await estate.db.transaction((tx) => act(tx, "approve", { codes: [code], actor: approver, plugins: PLUGINS }));
  worker = await TestWorker.start(estate.surroundings);
  expect(await estate.until(code)).toMatchObject({ state: "succeeded", approvalRound: 1 });
});
