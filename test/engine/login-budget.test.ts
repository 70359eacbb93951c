/** What is left of an account's log-ins when workers died over them, and when the device refused some. */
import { eq, sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { newId } from "../../db/new-id.ts";
import { budgetFreeAt, reserveLogin, returnLogin } from "../../db/queries/login-budget.ts";
import { wakeDependents } from "../../db/queries/permits.ts";
import { loginReservations, operations } from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";

const settings = Settings.parse({});
const account = "device/admin";

let estate: Estate;
beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(() => estate.close());

/** Reservations of some minutes ago: refused by the device, or left behind by a worker that died. */
async function past(what: "refused" | "lost", count: number, minutes = 2): Promise<void> {
  const at = sql`now() - make_interval(mins => ${minutes})`;
  const rows = Array.from({ length: count }, () => ({ id: newId(), account, reservedAt: at }));
  await estate.db
    .insert(loginReservations)
    .values(rows.map((row) => ({ ...row, ...(what === "refused" ? { failed: at } : {}) })));
}

const reserve = (forProbe = false) => reserveLogin(estate.db, { account, forProbe, settings });
const minutesTo = (moment: Date) => Math.round((moment.getTime() - Date.now()) / 60_000);
async function stageWaits(): Promise<boolean> {
  const [row] = await estate.db.execute<{ at: string | null }>(sql`select ${budgetFreeAt(account, settings)} as at`);
  return row?.at !== null;
}

it("one log-in at a time finds out after workers died over two, and its success resets the account", async () => {
  await past("lost", 2);
  expect(await stageWaits()).toBe(false);
  const trial = await reserve();
  if (!("id" in trial)) throw new Error("no trial");
  const second = await reserve();
  expect(second).toMatchObject({ underWay: true });
  await returnLogin(estate.db, trial, "accepted");
  expect(await estate.db.select().from(loginReservations)).toEqual([]);
});

it("a trial that the device refuses was the last one: three in the window, and no more", async () => {
  await past("lost", 2);
  const trial = await reserve();
  if (!("id" in trial)) throw new Error("no trial");
  await returnLogin(estate.db, trial, "rejected");
  expect(await stageWaits()).toBe(true);
  for (const forProbe of [false, true]) {
    const refused = await reserve(forProbe);
    expect(refused).not.toHaveProperty("id");
    expect("freeAt" in refused && minutesTo(refused.freeAt)).toBe(settings.loginWindowMinutes - 2);
  }
});

it("what a device refused leaves the last unit to probes", async () => {
  await past("refused", 1);
  await past("lost", 1);
  expect(await stageWaits()).toBe(true);
  expect(await reserve()).not.toHaveProperty("id");
  expect(await reserve(true)).toHaveProperty("id");
});

it("three that were lost use the budget up", async () => {
  await past("lost", 3);
  expect(await stageWaits()).toBe(true);
  expect(await reserve()).not.toHaveProperty("id");
});

it("what is to try again in a minute is due as soon as the account that logs in is found right", async () => {
  const deviceId = await estate.addDevice({ address: "192.0.2.1" });
  const add = (username: string, more = {}) =>
    estate.addCredential({ deviceId, plugin: "postgresql", username, password: "x", useOwnCredential: true, ...more });
  const authenticatorId = await add("admin");
  const target = { useOwnCredential: false, authenticationCredentialId: authenticatorId };
  const [code = 0, later = 0] = await estate.request(await add("one", target), await add("two", target));
  const inAMinute = new Date(Date.now() + 60_000);
  const put = (which: number, waitingFor: "login-budget" | "time") =>
    estate.db
      .update(operations)
      .set({ authenticatorId, waitingFor, dueAt: inAMinute, wakeAt: inAMinute })
      .where(eq(operations.code, which));
  await put(code, "login-budget");
  await put(later, "time");
  expect(await estate.db.transaction((tx) => wakeDependents(tx, authenticatorId))).toEqual([{ code, run: 1 }]);
  expect((await estate.operation(code)).dueAt.getTime()).toBeLessThan(inAMinute.getTime());
  expect((await estate.operation(later)).dueAt).toEqual(inAMinute);
});

it("log-ins that are under way may come back; if their worker died, that shows within a minute", async () => {
  await past("lost", 2, 0);
  const refused = await reserve();
  expect(refused).toMatchObject({ underWay: true });
  expect("freeAt" in refused && refused.freeAt.getTime() - Date.now()).toBeLessThanOrEqual(60_000);
});
