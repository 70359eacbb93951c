/** The transactions of a change against others that come between: on a real database, without a worker. */
import { setTimeout as sleep } from "node:timers/promises";
import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { openDatabase } from "../../db/client.ts";
import { noteCheck, passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { reserveLogin } from "../../db/queries/login-budget.ts";
import { grantPermits } from "../../db/queries/permits.ts";
import { takeOver } from "../../db/queries/probe.ts";
import { promote } from "../../db/queries/promote.ts";
import { restoreVersion } from "../../db/queries/secrets.ts";
import { settle } from "../../db/queries/settle.ts";
import { requestVerification } from "../../db/queries/verify-operation.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { stageAttempt, tryStage as stageNow } from "../helpers/staging.ts";

const settings = Settings.parse({ intervalMinutes: 0 });
const actor = { actor: "test", person: "tester" };
const record = { steps: [], transcript: "", detail: "" };

let estate: Estate;
let deviceId: string;

beforeEach(async () => {
  estate = await Estate.open();
  deviceId = await estate.addDevice({ address: "127.0.0.1" });
});
afterEach(() => estate.close());

function credential(username: string, other?: string): Promise<string> {
  const login = other ? { useOwnCredential: false, authenticationCredentialId: other } : {};
  return estate.addCredential({ deviceId, plugin: "postgresql", username, password: `old-${username}`, ...login });
}

const tryStage = (code: number) => stageNow(estate, code, settings);
const staged = (code: number) => stageAttempt(estate, code, settings);

async function settled(
  { code, epoch }: { code: number; epoch: number },
  reason: Parameters<typeof settle>[1]["reason"],
) {
  const { run } = await estate.operation(code);
  return settle(estate.db, { code, run, epoch, reason, settings });
}

/** An operation that ended `change.unverified`, its password in doubt. */
async function unverified(credentialId: string): Promise<number> {
  const [code = 0] = await estate.request(credentialId);
  const attempt = await staged(code);
  await passPointOfNoReturn(estate.db, attempt, 1);
  await settled(attempt, "change.unverified");
  return code;
}

const attention = async (id: string) =>
  (await estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, id)))[0]?.attention;

it("a promotion whose connection dies is one error, and not the end of the worker", async () => {
  const [code = 0] = await estate.request(await credential("one"));
  const attempt = await staged(code);
  const unhandled: unknown[] = [];
  const listen = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", listen);
  const worker = openDatabase(estate.surroundings.databaseUrl, { connections: 1, name: "dying", prepared: true });
  try {
    // The credential's row is held, so that the promotion stands in the middle of its batch.
    await estate.db.transaction(async (tx) => {
      await tx.execute(sql`select 1 from credentials where id = ${attempt.parties.credential.id} for update`);
      const promoting = promote(worker.db, attempt, { record }).then(
        () => "promoted",
        () => "failed",
      );
      await waitForLock("dying");
      await tx.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dying'
        and datname = current_database()`);
      expect(await promoting).toBe("failed");
      await sleep(50);
    });
    expect(unhandled).toEqual([]);
    // The driver tells the old connection's end once more, to the first who asks on the new one.
    await vi.waitFor(() => worker.db.execute(sql`select 1`), 60_000);
    expect(await promote(worker.db, attempt, { record })).toMatchObject({ promoted: true });
  } finally {
    process.off("unhandledRejection", listen);
    await worker.close();
  }
});

async function waitForLock(name: string): Promise<void> {
  for (;;) {
    const [row] = await estate.db.execute(sql`select 1 from pg_stat_activity where application_name = ${name}
      and datname = current_database() and wait_event_type = 'Lock'`);
    if (row) return;
    await sleep(10);
  }
}

it("the log-in that proved a password is given back when the promotion came too late", async () => {
  const [code = 0] = await estate.request(await credential("one"));
  const attempt = await staged(code);
  const reserved = await reserveLogin(estate.db, { account: attempt.parties.account, forProbe: false, settings });
  if (!("id" in reserved)) throw new Error("not reserved");
  await takeOver(estate.db, { code, run: 1, settleMs: () => 0, wakeInMs: 60_000 });
  expect(await promote(estate.db, attempt, { record, reserved })).toMatchObject({ promoted: false });
  expect(await estate.db.select().from(schema.loginReservations)).toEqual([]);
});

it("grants no permit on a device that changes are kept away from", async () => {
  await estate.setPermits(deviceId, 2);
  const ids = await Promise.all(["a", "b", "c", "d"].map((name) => credential(name)));
  const [first = 0, second = 0, third = 0, fourth = 0] = await estate.request(...ids);
  const [one, two] = [await staged(first), await staged(second)];
  expect(await tryStage(third)).toMatchObject({ kind: "parked", waitingFor: "device" });
  expect((await settled(one, "target.unreachable")).wake).toEqual([{ code: third, run: 1 }]);
  expect((await settled(two, "target.unreachable")).wake).toEqual([]);
  expect(await tryStage(third)).toMatchObject({ kind: "parked", waitingFor: "device", wake: [] });
  expect(await tryStage(fourth)).toMatchObject({ kind: "parked", waitingFor: "device", wake: [] });
});

it("a rejection of a password that was replaced meanwhile says nothing about the new one", async () => {
  const administrator = await credential("admin");
  const dependent = await credential("user", administrator);
  const [code = 0] = await estate.request(administrator);
  const attempt = await staged(code);
  await promote(estate.db, attempt, { record });
  const old = attempt.current?.id ?? "";
  await noteCheck(
    estate.db,
    { credentialId: administrator, versionId: old },
    { verdict: "rejected", code: "auth.rejected" },
  );
  const [waiting = 0] = await estate.request(dependent);
  expect(await tryStage(waiting)).toMatchObject({ kind: "staged" });
});

it("a rejection that waits for the promotion to commit says nothing either", async () => {
  const administrator = await credential("admin");
  const [code = 0] = await estate.request(administrator);
  const attempt = await staged(code);
  let noting: Promise<void> | undefined;
  await promote(estate.db, attempt, {
    record,
    beforeCommit: async () => {
      const asked = { credentialId: administrator, versionId: attempt.current?.id ?? "" };
      noting = noteCheck(estate.db, asked, { verdict: "rejected", code: "auth.rejected" });
      await waitForLock("test");
    },
  });
  await noting;
  const [row] = await estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, administrator));
  expect(row?.lastCheck).toBe("accepted");
});

it("a doubt that is resolved asks for nobody's attention any more", async () => {
  const id = await credential("one");
  const code = await unverified(id);
  expect(await attention(id)).toBe("change.unverified");
  await estate.act("restart", code);
  expect(await tryStage(code)).toMatchObject({ kind: "needs-probe" });
  const taken = await takeOver(estate.db, { code, run: 2, settleMs: () => 0, wakeInMs: 60_000 });
  if (taken.kind !== "taken") throw new Error(taken.kind);
  await settled(taken.attempt, "change.not-applied");
  expect(await attention(id)).toBeNull();
  await estate.act("cancel", code);
  await estate.request(id);
});

it("a restart waits for a restore that is under way, and finds the doubt resolved", async () => {
  const id = await credential("one");
  const code = await unverified(id);
  let restarting: Promise<void> | undefined;
  await estate.db.transaction(async (tx) => {
    await restoreVersion(tx, { credentialId: id, version: 2, expectedCurrent: 1, reason: "it logs in", actor });
    restarting = estate.act("restart", code);
    await Promise.race([waitForLock("test"), restarting]);
    expect((await estate.operation(code)).state).toBe("error");
  });
  await restarting;
  expect(await tryStage(code)).toMatchObject({ kind: "staged", attempt: { current: { version: 2 } } });
});

it("log-ins lost by workers that died make a change wait once they use the whole budget up", async () => {
  const id = await credential("one");
  const lost = (last: string) => ({
    id: `01900000-0000-7000-8000-00000000000${last}`,
    account: `${deviceId}/one`,
    reservedAt: sql`now() - interval '2 minutes'`,
  });
  await estate.db.insert(schema.loginReservations).values(["a", "b", "c"].map(lost));
  const [code = 0] = await estate.request(id);
  expect(await tryStage(code)).toMatchObject({ kind: "parked", waitingFor: "login-budget" });
  // With a unit left, one log-in may find out.
  await estate.db.execute(sql`delete from login_reservations where id = ${lost("c").id}`);
  expect(await tryStage(code)).toMatchObject({ kind: "staged" });
});

it("what one operation left in doubt keeps no other from being canceled, but that one itself", async () => {
  const id = await credential("one");
  const code = await unverified(id);
  const request = { credentialId: id, reason: "", actor, plugins: PLUGINS };
  const check = (await estate.db.transaction((tx) => requestVerification(tx, request))).code;
  await estate.act("cancel", check);
  expect((await estate.operation(check)).state).toBe("canceled");
  await estate.act("restart", code);
  await expect(estate.act("cancel", code)).rejects.toMatchObject({ code: "operation.unresolved" });
  expect((await estate.versions(id)).at(-1)?.status).toBe("doubtful");
});

it("a permit goes to a row that parked while the one who frees it waited for the device", async () => {
  const [code = 0] = await estate.request(await credential("parked"));
  const woken = await estate.db.transaction(async (tx) => {
    await tx.execute(sql`select now()`);
    // Due and parked after this transaction began.
    await sleep(50);
    await estate.db
      .update(schema.operations)
      .set({ waitingFor: "device", dueAt: sql`clock_timestamp()` })
      .where(eq(schema.operations.code, code));
    return grantPermits(tx, deviceId);
  });
  expect(woken).toEqual([{ code, run: 1 }]);
});
