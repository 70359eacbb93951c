/** A password that is sent once more keeps to the limits of device and account: on a real database, without a worker. */
import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import { takeAgain } from "../../db/queries/apply-again.ts";
import { type AttemptClaim, passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { stayInDoubt, takeOver } from "../../db/queries/probe.ts";
import { promote } from "../../db/queries/promote.ts";
import { storePassword } from "../../db/queries/secrets.ts";
import { settle } from "../../db/queries/settle.ts";
import * as schema from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";
import { stageAttempt, tryStage as stageNow } from "../helpers/staging.ts";

const settings = Settings.parse({ intervalMinutes: 0 });
const record = { steps: [], transcript: "", detail: "" };
const { attempts, devices, loginReservations, operations } = schema;

let estate: Estate;
let deviceId: string;
let administrator: string;

beforeEach(async () => {
  estate = await Estate.open();
  deviceId = await estate.addDevice({ address: "127.0.0.1", permits: 1 });
  administrator = await add("root", {});
});
afterEach(() => estate.close());

async function add(username: string, login: { authenticationCredentialId?: string }): Promise<string> {
  const useOwnCredential = login.authenticationCredentialId === undefined;
  return estate.addCredential({
    deviceId,
    plugin: "postgresql",
    username,
    password: "kept",
    useOwnCredential,
    ...login,
  });
}

async function request(username: string): Promise<number> {
  const [code = 0] = await estate.request(await add(username, { authenticationCredentialId: administrator }));
  return code;
}

const tryStage = (code: number) => stageNow(estate, code, settings);
const staged = (code: number) => stageAttempt(estate, code, settings);

/** A change whose worker was lost after it sent, as the probe holds it that wants it sent once more. */
async function inDoubt(username: string): Promise<AttemptClaim> {
  const attempt = await staged(await request(username));
  await passPointOfNoReturn(estate.db, attempt, 0);
  return look(attempt.code);
}

async function look(code: number): Promise<AttemptClaim> {
  const taken = await takeOver(estate.db, { code, run: 1, settleMs: () => 0, wakeInMs: 60_000 });
  if (taken.kind !== "taken") throw new Error(taken.kind);
  return taken.attempt;
}

const again = ({ code, epoch }: AttemptClaim) => takeAgain(estate.db, { code, epoch, settings, changeMs: 60_000 });

const permitsTaken = async () => (await estate.db.select().from(attempts).where(eq(attempts.permit, true))).length;

it("waits for a permit, gets the next one that is freed, and gives it on when it is over", async () => {
  const held = await inDoubt("one");
  const other = await staged(await request("other"));
  expect(await again(held)).toMatchObject({ kind: "parked", waitingFor: "device", wake: [] });
  expect(await estate.operation(held.code)).toMatchObject({ state: "running", waitingFor: "device" });
  expect(await again(held), "it stays so").toMatchObject({ kind: "parked", waitingFor: "device" });
  expect((await promote(estate.db, other, { record })).wake).toEqual([{ code: held.code, run: 1 }]);
  const late = await request("late");
  expect(await tryStage(late), "the freed permit is kept for it").toMatchObject({
    kind: "parked",
    waitingFor: "device",
  });
  expect(await permitsTaken()).toBe(0);
  expect(await again(held)).toMatchObject({ kind: "staged", attempt: { code: held.code, epoch: held.epoch } });
  expect(await estate.operation(held.code)).toMatchObject({ waitingFor: null, permitGrantedAt: null });
  expect(await permitsTaken()).toBe(1);
  expect(await tryStage(late)).toMatchObject({ kind: "parked", waitingFor: "device" });
  expect((await promote(estate.db, held, { record })).wake).toEqual([{ code: late, run: 1 }]);
});

it("two at the same moment never hold more permits than there are", async () => {
  const [one, two] = [await inDoubt("one"), await inDoubt("two")];
  const kinds = await Promise.all([again(one), again(two), again(one), again(two)]);
  expect(kinds.map(({ kind }) => kind).toSorted()).toContain("parked");
  expect(await permitsTaken()).toBe(1);
});

it("a permit that was kept for it goes to the next one when another look does not want it sent", async () => {
  const held = await inDoubt("one");
  const other = await staged(await request("other"));
  await again(held);
  const late = await request("late");
  expect(await tryStage(late)).toMatchObject({ kind: "parked" });
  await estate.db.update(operations).set({ priority: 1 }).where(eq(operations.code, held.code));
  expect((await promote(estate.db, other, { record })).wake).toEqual([{ code: held.code, run: 1 }]);
  const looked = await look(held.code);
  expect(await stayInDoubt(estate.db, looked, new Date())).toEqual([{ code: late, run: 1 }]);
  expect(await estate.operation(held.code)).toMatchObject({ waitingFor: null, permitGrantedAt: null });
  expect(await tryStage(late)).toMatchObject({ kind: "staged" });
});

it("a permit that was kept for it goes to the next one when the attempt is ended", async () => {
  const held = await inDoubt("one");
  const other = await staged(await request("other"));
  await again(held);
  const late = await request("late");
  await tryStage(late);
  await estate.db.update(operations).set({ priority: 1 }).where(eq(operations.code, held.code));
  expect((await promote(estate.db, other, { record })).wake).toEqual([{ code: held.code, run: 1 }]);
  const { code, epoch } = held;
  const ended = await settle(estate.db, { code, run: 1, epoch, reason: "change.unverified", settings });
  expect(ended.wake).toEqual([{ code: late, run: 1 }]);
});

it("waits until the account that logs in may do so, whatever looks have used of the other's budget", async () => {
  const held = await inDoubt("one");
  const failed = (account: string, id: string) => ({
    id: `01900000-0000-7000-8000-00000000000${id}`,
    account: `${deviceId}/${account}`,
    failed: sql`now()`,
  });
  await estate.db.insert(loginReservations).values([failed("one", "1"), failed("one", "2"), failed("root", "3")]);
  expect(await again(held)).toMatchObject({ kind: "staged" });
  const looked = await look(held.code);
  await estate.db.insert(loginReservations).values(failed("root", "4"));
  expect(await again(looked)).toMatchObject({ kind: "parked", waitingFor: "login-budget" });
  const actor = { actor: "test", person: "tester" };
  const seal = (binding: { versionId: string; credentialId: string; version: number }) =>
    estate.vault.seal(new Secret("mended"), binding);
  const stored = await estate.db.transaction((tx) =>
    storePassword(tx, { credentialId: administrator, seal, reason: "", resolves: false, actor }),
  );
  expect(stored.wake, "who mends the account wakes it").toEqual([{ code: held.code, run: 1 }]);
});

it("waits while the device does not answer", async () => {
  const held = await inDoubt("one");
  await estate.db.update(devices).set({ breakerUntil: sql`now() + interval '1 minute'` });
  expect(await again(held)).toMatchObject({ kind: "parked", waitingFor: "device" });
});

it("two whose accounts log in for each other do not wait for each other", async () => {
  await estate.setPermits(deviceId, 2);
  const [left, right] = [await add("left", {}), await add("right", {})];
  const holds = async (id: string, by: string) => {
    await estate.db
      .update(schema.credentials)
      .set({ useOwnCredential: false, authenticationCredentialId: by })
      .where(eq(schema.credentials.id, id));
  };
  // Each began while the other was idle, and is in doubt now.
  const codes = await estate.request(left, right);
  const held: AttemptClaim[] = [];
  for (const code of codes) {
    await passPointOfNoReturn(estate.db, await staged(code), 0);
    held.push(await look(code));
  }
  await holds(left, right);
  await holds(right, left);
  const [first, second] = held as [AttemptClaim, AttemptClaim];
  expect(await again(first)).toMatchObject({ kind: "parked", waitingFor: "authenticator" });
  expect(await again(second)).toMatchObject({ kind: "staged" });
});

it("is nobody's who lost the attempt", async () => {
  const held = await inDoubt("one");
  await look(held.code);
  expect(await again(held)).toEqual({ kind: "lost" });
  expect(await permitsTaken()).toBe(0);
});
