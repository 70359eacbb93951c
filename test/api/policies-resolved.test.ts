/** Which policy holds for a credential, and why: after every edit that matters, also when two happen at once. */
import { afterAll, beforeEach, beforeAll, describe, expect, test } from "vitest";
import { eq, sql } from "drizzle-orm";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { Policy } from "../../contracts/policies.schema.ts";
import { policies } from "../../db/schema/index.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
});
afterAll(() => api.close());

// Policies hold for all credentials of the database: each test has those of its own.
beforeEach(async () => {
  const { body } = await admin<{ items: Policy[] }>("GET", "/v1/policies?active=true&limit=200");
  for (const policy of body.items) await edit("policies", policy, { active: false });
});

let count = 0;
const fresh = (what: string) => `${what} ${(count += 1)}`;

async function make<T>(kind: string, body: object): Promise<T> {
  const made = await admin<T>("POST", `/v1/${kind}`, { body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}

async function edit<T>(kind: string, { id, revision }: { id: string; revision: number }, patch: object): Promise<T> {
  const edited = await admin<T>("PATCH", `/v1/${kind}/${id}`, {
    body: patch,
    headers: { "if-match": `"${revision}"` },
  });
  expect(edited.status, JSON.stringify(edited.body)).toBe(200);
  return edited.body;
}

const makePolicy = (fields: object) => make<Policy>("policies", { name: fresh("policy"), ...fields });
const makeDevice = (fields: object = {}) =>
  make<{ id: string; revision: number; name: string }>("devices", {
    name: fresh("device"),
    address: "d.example",
    ...fields,
  });
const makeCredential = (deviceId: string, fields: object = {}) =>
  make<Credential>("credentials", {
    deviceId,
    plugin: "plain",
    username: fresh("user").replace(" ", ""),
    automaticChange: true,
    ...fields,
  });

async function show(id: string) {
  const { body } = await admin<Credential & { otherPolicies: { name: string }[] }>("GET", `/v1/credentials/${id}`);
  return body;
}
const holds = async (id: string) => (await show(id)).policy?.name ?? null;

describe("the policy that holds", () => {
  const device = { name: "DB-Núm_1.Example", model: "R740", type: "Server", site: "east", tags: ["Prod", "PCI"] };
  let deviceId: string | undefined;
  const account = { tags: ["Root", "break-glass"], type: "Local administrator", additionalInfo: "Orcl" };

  test.each<[object, { criterion: string; value: string } | null]>([
    [{ devices: ["db-*.EXAMPLE"] }, { criterion: "devices", value: device.name }],
    [{ devices: ["web*", "*num*", "*NÚM_1*"] }, { criterion: "devices", value: device.name }],
    [{ devices: ["db-n_m_1.example", "db%", "*_2*", "db"] }, null],
    [{ models: ["R640", "r740"] }, { criterion: "models", value: "R740" }],
    [{ models: ["R74*"] }, null],
    [{ deviceTypes: ["SERVER"] }, { criterion: "deviceTypes", value: "Server" }],
    [{ sites: ["West", "East"] }, { criterion: "sites", value: "east" }],
    [{ sites: ["west"] }, null],
    [{ deviceTags: ["pci", "test"] }, { criterion: "deviceTags", value: "PCI" }],
    [{ deviceTags: ["root"] }, null],
    [{ credentialTags: ["ROOT", "Break-Glass"] }, { criterion: "credentialTags", value: "Root, break-glass" }],
    [{ credentialTypes: ["local administrator"] }, { criterion: "credentialTypes", value: "Local administrator" }],
    [{ additionalInfo: ["ORCL"] }, { criterion: "additionalInfo", value: "Orcl" }],
    [{ additionalInfo: ["ORC"] }, null],
    [{ additionalInfo: ["orcl"], sites: ["west"] }, null],
  ])("%j", async (criteria, why) => {
    deviceId ??= (await makeDevice(device)).id;
    const { id } = await makeCredential(deviceId, account);
    const policy = await makePolicy({ criteria });
    const credential = await show(id);
    if (why) expect(credential.policy).toEqual({ id: policy.id, name: policy.name, priority: 1, why: [why] });
    else expect(credential.policy).toBeNull();
    // The same for one that comes after the policy.
    expect((await makeCredential(deviceId, account)).policy?.id).toBe(why ? policy.id : undefined);
  });

  test("is of those that fit the highest, then the oldest; the others are named in their order", async () => {
    const { id: deviceId } = await makeDevice();
    const all = await makePolicy({});
    const high = await makePolicy({ priority: 5 });
    const equal = await makePolicy({ priority: 5 });
    const misses = await makePolicy({ priority: 9, criteria: { sites: ["nowhere"] } });
    const { id } = await makeCredential(deviceId);
    expect(await show(id)).toMatchObject({
      policy: { name: high.name, why: [] },
      otherPolicies: [{ name: equal.name }, { name: all.name }],
    });
    await edit("policies", misses, { criteria: {} });
    expect(await holds(id)).toBe(misses.name);
    await edit("policies", high, { active: false });
    await edit("policies", { ...misses, revision: 2 }, { priority: 4 });
    expect(await holds(id)).toBe(equal.name);
    await edit("policies", equal, { criteria: { sites: ["nowhere"] } });
    await edit("policies", { ...misses, revision: 3 }, { active: false });
    expect(await holds(id)).toBe(all.name);
    await edit("policies", all, { active: false });
    expect(await holds(id)).toBeNull();
  });

  test("follows edits of the device and of the credential", async () => {
    const device1 = await makeDevice();
    const credential = await makeCredential(device1.id);
    const tagged = await makePolicy({ priority: 2, criteria: { credentialTags: ["vip"] } });
    const east = await makePolicy({ criteria: { sites: ["far-east"] } });
    expect(await holds(credential.id)).toBeNull();
    const edited = await edit<Credential>("credentials", credential, { tags: ["VIP"] });
    expect(edited.policy?.name).toBe(tagged.name);
    const moved = await edit<{ id: string; revision: number }>("devices", device1, { site: "far-east" });
    expect(await show(credential.id)).toMatchObject({
      policy: { name: tagged.name },
      otherPolicies: [{ name: east.name }],
    });
    await edit("credentials", edited, { tags: [] });
    expect(await holds(credential.id)).toBe(east.name);
    await edit("devices", moved, { site: "west" });
    expect(await holds(credential.id)).toBeNull();
  });

  test("times follow the policy: none without one, new ones with each edit", async () => {
    const { id: deviceId } = await makeDevice();
    const first = await makePolicy({ maxAgeMinutes: 600, firstChange: "automatic" });
    const made = await makeCredential(deviceId);
    const age = (minutes: number) => new Date(Date.parse(made.createdAt) + minutes * 60_000).toISOString();
    expect(made).toMatchObject({ nextChangeAt: age(600), nextTrigger: "age", driven: false });
    await edit("policies", first, { maxAgeMinutes: 1200 });
    expect(await show(made.id)).toMatchObject({ nextChangeAt: age(1200) });
    await makePolicy({ priority: 3 });
    expect(await show(made.id)).toMatchObject({ nextChangeAt: null, nextTrigger: null });
    expect((await admin<Policy>("GET", `/v1/policies/${first.id}`)).body).toMatchObject({ revision: 2 });
  });

  test.each<[string, object, boolean]>([
    ["its limits", { limits: { attempts: 2 }, name: fresh("renamed"), windows: { timeZone: "UTC" } }, false],
    ["what it says already", { maxAgeMinutes: 600, criteria: { sites: ["kept"] }, active: true }, false],
    ["its age", { maxAgeMinutes: 601 }, true],
  ])("an edit of %s writes its credentials only where they depend on it", async (_, patch, writes) => {
    const policy = await makePolicy({ criteria: { sites: ["kept"] }, maxAgeMinutes: 600 });
    const { id } = await makeCredential((await makeDevice({ site: "kept" })).id);
    const written = () => api.db.execute(sql`select xmin::text, ctid::text from credentials where id = ${id}`);
    const before = await written();
    await edit("policies", policy, patch);
    expect(JSON.stringify(await written()) !== JSON.stringify(before)).toBe(writes);
  });

  test("is right whatever happens at the same moment", async () => {
    const devices = await Promise.all([makeDevice(), makeDevice(), makeDevice()]);
    const credentials = await Promise.all(devices.flatMap(({ id }) => [makeCredential(id), makeCredential(id)]));
    const policy = await makePolicy({ criteria: { sites: ["race"] } });
    const made = await Promise.all([
      ...devices.map((device) => edit("devices", device, { site: "race" })),
      ...devices.flatMap(({ id }) => [makeCredential(id), makeCredential(id)]),
      ...credentials.map((credential) => edit("credentials", credential, { tags: ["race"] })),
      makePolicy({ priority: 3, criteria: { credentialTags: ["race"] } }),
      edit("policies", policy, { maxAgeMinutes: 10, firstChange: "automatic" }),
    ]);
    const high = made.at(-2) as Policy;
    for (const { id } of credentials) expect(await holds(id)).toBe(high.name);
    for (const { id } of made.slice(3, 9) as Credential[])
      expect(await show(id)).toMatchObject({ policy: { name: policy.name }, nextTrigger: "age" });
    const [row] = await api.db.select().from(policies).where(eq(policies.id, policy.id));
    expect(row?.revision).toBe(2);
  });
});
