import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Dashboard } from "../../contracts/dashboard.schema.ts";
import { endOperation } from "../../db/queries/end-operation.ts";
import { credentials, operations } from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let viewer: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
  viewer = await api.as(["viewer"], "Vera");
});
afterAll(() => api.close());

const show = async () => (await viewer<Dashboard>("GET", "/v1/dashboard")).body;
const overdueMetric = async () => {
  const { body } = await api.app.inject("/metrics");
  return Number(/^keyturn_oldest_overdue_seconds (\S+)$/m.exec(body)?.[1]);
};
const set = (id: string | undefined, facts: Partial<typeof credentials.$inferInsert>) =>
  api.db
    .update(credentials)
    .set(facts)
    .where(eq(credentials.id, id ?? ""));
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);

test("nothing there is nothing overdue", async () => {
  expect(await show()).toMatchObject({ total: 0, sites: [], oldestOverdueSeconds: 0 });
  expect(await overdueMetric()).toBe(0);
});

test("each credential stands in one place, by site; what nobody works on is told", async () => {
  await admin("POST", "/v1/policies", { body: { name: "hourly", maxAgeMinutes: 60, firstChange: "automatic" } });
  const { deviceId, ids } = await makeCredentials(admin, 9);
  const [updated, untouched, waiting, failed, attention, expired, refused, off, gone] = ids;
  await set(updated, { changedAt: ago(1) });
  await set(failed, { changedAt: ago(100), lastFailure: "target.timeout" });
  await set(attention, { attention: "change.unverified" });
  await set(expired, { changedAt: ago(90) });
  await set(refused, {
    changedAt: ago(95),
    automaticNotBefore: ago(-60),
    automaticRefusal: "credential.no-authenticator",
  });
  await set(off, { automaticChange: false });
  await set(gone, { active: false });
  expect((await admin("POST", "/v1/password-changes", { body: { credentialIds: [waiting] } })).status).toBe(202);
  await makeCredentials(admin, 1, "elsewhere");
  await api.db.execute(sql`update devices set site = 'west' where id <> ${deviceId}`);

  const expected = {
    total: 8,
    managed: 7,
    notManaged: 1,
    waiting: 1,
    error: 2,
    expired: 2,
    refused: 1,
    updated: 1,
  };
  const dashboard = await show();
  expect(dashboard.sites).toEqual([
    { site: "default", ...expected },
    { ...Object.fromEntries(Object.keys(expected).map((name) => [name, 0])), site: "west", total: 1, managed: 1 },
  ]);
  expect(dashboard).toMatchObject({ ...expected, total: 9, managed: 8 });
  // The failed one was due 40 minutes ago and nothing keeps it back; the expired one 30.
  for (const seconds of [dashboard.oldestOverdueSeconds, await overdueMetric()])
    expect(Math.round(seconds / 60)).toBe(40);
  const listed = async (query: string) =>
    (await admin<{ items: { id: string }[] }>("GET", `/v1/credentials?${query}`)).body.items.map(({ id }) => id);
  expect(await listed("refused=true")).toEqual([refused]);
  expect(await listed("refused=false")).not.toContain(refused);
  const [policy] = (await admin<{ items: { id: string }[] }>("GET", "/v1/policies")).body.items;
  expect(await listed(`policyId=${policy?.id}&active=false`)).toEqual([gone]);
  await set(failed, { automaticNotBefore: ago(-60) });
  expect(Math.round((await overdueMetric()) / 60)).toBe(30);
  await set(expired, { changedAt: ago(1) });
  expect(await overdueMetric()).toBe(0);
  expect((await admin(`GET`, `/v1/credentials/${untouched}`)).body).toMatchObject({ changedAt: null });
});

test("successes are counted by day; a failure is kept with its credential until it succeeds or a person settles it", async () => {
  const { ids } = await makeCredentials(admin, 4, "days");
  const { body } = await admin<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
    body: { credentialIds: ids },
  });
  const [today = 0, before = 0, longAgo = 0, failing = 0] = body.operations.map(({ code }) => code);
  for (const code of [today, before, longAgo])
    await api.db.transaction((tx) => endOperation(tx, { code, state: "succeeded" }));
  await api.db.transaction((tx) => endOperation(tx, { code: failing, state: "error", outcome: "target.timeout" }));
  for (const [code, days] of [
    [before, 3],
    [longAgo, 30],
  ] as const)
    await api.db
      .update(operations)
      .set({ endedAt: sql`now() - make_interval(days => ${days})` })
      .where(eq(operations.code, code));
  const { successes } = await show();
  expect(successes).toHaveLength(30);
  expect(successes.at(-1)).toEqual({ day: new Date().toISOString().slice(0, 10), changes: 1 });
  expect(successes.at(-4)?.changes).toBe(1);
  expect(successes.reduce((sum, { changes }) => sum + changes, 0)).toBe(2);

  const failed = ids[3] ?? "";
  expect((await admin("GET", `/v1/credentials/${failed}`)).body).toMatchObject({ lastFailure: "target.timeout" });
  await admin("PUT", `/v1/credentials/${failed}/password`, { body: { password: "what it is" } });
  expect((await admin("GET", `/v1/credentials/${failed}`)).body).toMatchObject({ lastFailure: null });
});
