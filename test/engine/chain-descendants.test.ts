/** Who takes a credential's value after it: rows in a real database. */
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readSameValueDescendants } from "../../db/queries/descendants.ts";
import * as schema from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";

let estate: Estate;

beforeAll(async () => {
  estate = await Estate.open();
});
afterAll(() => estate.close());

let count = 0;

/** A credential on a device of its own, whose settings carry the given mark. */
async function add(
  mark: string,
  of: Partial<Parameters<Estate["addCredential"]>[0]> = {},
): Promise<{ id: string; deviceId: string }> {
  const deviceId = await estate.addDevice({ address: "127.0.0.1", settings: { linux: { mark } } });
  const id = await estate.addCredential({ deviceId, plugin: "linux", username: `user${++count}`, ...of });
  return { id, deviceId };
}

const read = async (id: string) =>
  (await estate.db.transaction((tx) => readSameValueDescendants(tx, id)))
    .map(({ plugin, device, own }) => `${plugin} ${JSON.stringify(device.settings["linux"]?.["mark"])} ${own}`)
    .toSorted();

it("finds those that take the value at any depth, each kind once", async () => {
  const parent = await add("top");
  expect(await read(parent.id)).toEqual([]);
  const a = await add("a", { parentCredentialId: parent.id });
  await add("a", { parentCredentialId: parent.id });
  const b = await add("b", {
    parentCredentialId: a.id,
    useOwnCredential: false,
    authenticationCredentialId: parent.id,
  });
  await add("c", { parentCredentialId: b.id, plugin: "postgresql" });
  expect(await read(parent.id)).toEqual(['linux "a" true', 'linux "b" false', 'postgresql "c" true']);
  expect(await read(a.id)).toEqual(['linux "b" false', 'postgresql "c" true']);
});

it("does not go past one that is inactive or takes a value of its own", async () => {
  const parent = await add("top");
  const own = await add("own", { parentCredentialId: parent.id, childValue: "own" });
  await add("under own", { parentCredentialId: own.id });
  const inactive = await add("inactive", { parentCredentialId: parent.id, active: false });
  await add("under inactive", { parentCredentialId: inactive.id });
  expect(await read(parent.id)).toEqual([]);
  expect(await read(own.id)).toEqual(['linux "under own" true']);
});

it("ends where credentials are their own descendants", async () => {
  const a = await add("a");
  const b = await add("b", { parentCredentialId: a.id });
  const c = await add("c", { parentCredentialId: b.id });
  // Refused at save; put there by hand.
  await estate.db.update(schema.credentials).set({ parentCredentialId: c.id }).where(eq(schema.credentials.id, a.id));
  expect(await read(a.id)).toEqual(['linux "a" true', 'linux "b" true', 'linux "c" true']);
});
