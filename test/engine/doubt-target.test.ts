/** A change in doubt is looked into where it was sent, wherever the device was moved since. */
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { deviceAsOf } from "../../db/queries/device-revisions.ts";
import { editDevice } from "../../db/queries/devices.ts";
import { act } from "../../db/queries/operation-actions.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget, type MatrixTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";

let here: Awaited<ReturnType<typeof openPostgresTarget>>;
let there: typeof here;
let estate: Estate;
let worker: TestWorker;
beforeAll(async () => {
  [here, there] = await Promise.all([openPostgresTarget("own"), openPostgresTarget("own")]);
});
afterAll(() => Promise.all([here.close(), there.close()]));
beforeEach(async () => {
  estate = await Estate.open({ loginFailures: 20 });
});
afterEach(async () => {
  await worker.kill();
  await estate.close();
});

async function device(id: string) {
  const [row] = await estate.db.select().from(schema.devices).where(eq(schema.devices.id, id));
  if (!row) throw new Error("no device");
  return row;
}

/** Moves the device to the other server, where an account of the same name has another password. */
async function move(deviceId: string, username: string, to: MatrixTarget): Promise<void> {
  await to.setPassword(username, "Of-another-3erver");
  const twin = await device(await to.addDevice(estate));
  const { revision } = await device(deviceId);
  const patch = { address: twin.address, port: twin.port, settings: twin.settings };
  await estate.db.transaction((tx) => editDevice(tx, { id: deviceId, revision, patch }));
}

it("the probe after a crash asks the old address", async () => {
  worker = await TestWorker.start(estate.surroundings, ["applied"]);
  const place = await addTarget(estate, here);
  const account = await addAccount(estate, here, place);
  const [code = 0] = await estate.request(account.credentialId);
  await worker.reached("applied");
  await worker.kill();
  await move(place.deviceId, account.username, there);
  worker = await TestWorker.start(estate.surroundings);
  expect((await estate.until(code)).state).toBe("succeeded");
  expect(await here.logsIn(account.username, await estate.currentPassword(account.credentialId))).toBe(true);
  expect(await there.logsIn(account.username, "Of-another-3erver"), "nothing was sent there").toBe(true);
});

it("a restart after the doubt was given up looks where the password was sent, and not where the device is now", async () => {
  await estate.db.update(schema.settings).set({
    values: { ...(await estate.db.select().from(schema.settings))[0]?.values, probes: 1, leaseSeconds: 1 },
  });
  worker = await TestWorker.start(estate.surroundings, ["applied"]);
  const place = await addTarget(estate, here);
  const account = await addAccount(estate, here, place);
  const [code = 0] = await estate.request(account.credentialId);
  await worker.reached("applied");
  await here.setPassword(account.username, "Some-body-3lse");
  worker.go();
  expect(await estate.until(code)).toMatchObject({ outcome: "change.unverified" });
  const doubtful = (await estate.versions(account.credentialId)).at(-1);
  if (!doubtful) throw new Error("nothing is in doubt");
  await here.setPassword(account.username, estate.open(doubtful));
  await move(place.deviceId, account.username, there);
  await estate.db.transaction((tx) =>
    act(tx, "restart", { codes: [code], actor: { actor: "test", person: "tester" }, plugins: PLUGINS }),
  );
  expect((await estate.until(code)).state).toBe("succeeded");
  expect((await estate.versions(account.credentialId)).at(-1)).toMatchObject({ id: doubtful.id, status: "current" });
});

it("knows a device as it was at each of its revisions", async () => {
  worker = await TestWorker.start(estate.surroundings);
  const id = await estate.addDevice({ address: "first", port: 1, pinnedIdentity: "SHA256:first" });
  const edit = async (patch: Parameters<typeof editDevice>[1]["patch"]) => {
    const { revision } = await device(id);
    await estate.db.transaction((tx) => editDevice(tx, { id, revision, patch }));
  };
  await edit({ manufacturer: "of no account" });
  await edit({ address: "second" });
  await edit({ permits: 3 });
  await edit({ settings: { linux: {} } });
  await edit({ address: "first", pinnedIdentity: "SHA256:again" });
  const row = await device(id);
  const asOf = (revision: number) => estate.db.transaction((tx) => deviceAsOf(tx, row, revision));
  const { address, port, settings, pinnedIdentity, revision } = row;
  expect({ address, port, settings, pinnedIdentity, revision }).toEqual({
    address: "first",
    port: 1,
    settings: { linux: {} },
    pinnedIdentity: null,
    revision: 6,
  });
  for (const revision of [1, 2])
    expect(await asOf(revision), "a pin at the same address is the one of now").toMatchObject({
      address: "first",
      settings: {},
      pinnedIdentity: null,
      permits: 3,
    });
  for (const revision of [3, 4])
    expect(await asOf(revision)).toMatchObject({ address: "second", settings: {}, pinnedIdentity: null });
  expect(await asOf(5)).toMatchObject({ address: "second", settings: { linux: {} } });
  expect(await asOf(6)).toBe(row);
  await edit({ address: "third" });
  const moved = await device(id);
  expect(await estate.db.transaction((tx) => deviceAsOf(tx, moved, 6))).toMatchObject({ address: "first" });
});
