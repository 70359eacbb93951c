/** An age policy with a window, over many credentials, while worker and Temporal are killed: on real servers and real time. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wakeOperation } from "../../../activities/starts.ts";
import { windowOperations } from "../../../db/queries/pauses.ts";
import { createPolicy, editPolicy } from "../../../db/queries/policies.ts";
import { resolveCredentials } from "../../../db/queries/resolve-policies.ts";
import { attempts, credentials, operations, secretVersions } from "../../../db/schema/index.ts";
import { ensureNamespace } from "../../../scripts/engine/namespace.ts";
import { startTemporal } from "../../../scripts/engine/temporal.ts";
import { Estate } from "../../helpers/estate.ts";
import { TestWorker } from "../../helpers/worker.ts";
import { addAccounts, addTarget, type MatrixTarget } from "../../engine/matrix-target.ts";
import { openPostgresTarget } from "../../engine/postgresql-target.ts";

const MINUTE = 60_000;
const DAILY = [1, 2, 3, 4, 5, 6, 7];
const MAX_AGE_MINUTES = 60;
/** Credentials of the policy whose window is closed all the time. */
const SHUT_OUT = 10;

const COUNT = 5_000;
/** Due times are spread over so long; the window closes a little before the last. */
const JITTER_MINUTES = 4;
/** Time to get everything ready before the window closes. Milliseconds. */
const READY_MS = 210_000;

/** A time zone in which the clocks show a new hour at this moment, and the hour that is then over. */
function zoneWhoseHourEndsAt(moment: Date): { timeZone: string; hour: number } {
  const offset = (60 - moment.getUTCMinutes()) % 60;
  const timeZone = `+00:${String(offset).padStart(2, "0")}`;
  return { timeZone, hour: (new Date(moment.getTime() + offset * MINUTE).getUTCHours() + 23) % 24 };
}

const nextMinute = (from: number) => new Date(Math.ceil(from / MINUTE) * MINUTE);

describe(`${COUNT} credentials under an age policy with a window`, () => {
  let target: MatrixTarget & { close(): Promise<void> };
  let temporal: Awaited<ReturnType<typeof startTemporal>>;
  let estate: Estate;
  let worker: TestWorker;
  const file = { name: `age-${randomUUID()}`, scratch: true };

  beforeAll(async () => {
    [target, temporal] = await Promise.all([openPostgresTarget("administrator"), startTemporal(file)]);
    await ensureNamespace(temporal.address, "keyturn");
    const settings = { recordsPerCycle: 2_000 };
    estate = await Estate.open(settings, { temporal: { address: temporal.address, namespace: "keyturn" } });
    worker = await TestWorker.start(estate.surroundings);
  });
  afterAll(async () => {
    await worker.kill();
    await estate.close();
    await Promise.all([target.close(), temporal.stop()]);
  });

  /** Does something with a client of the server that runs now; what fails because it is away is tried by the caller. */
  async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const connection = await Connection.connect({ address: temporal.address });
    try {
      return await work(new Client({ connection, namespace: "keyturn" }));
    } finally {
      await connection.close();
    }
  }

  async function count(state: string): Promise<number> {
    const [row] = await estate.db.execute<{ n: number }>(
      sql`select count(*)::int as n from operations where state = ${state}`,
    );
    return row?.n ?? 0;
  }

  /** Makes passes until the condition holds. */
  async function passUntil(done: () => Promise<boolean>, what: string): Promise<void> {
    const giveUpAt = Date.now() + 30 * MINUTE;
    while (!(await done())) {
      if (Date.now() > giveUpAt) throw new Error(`${what} does not come: ${JSON.stringify(await story())}`);
      await sleep(2_000);
    }
  }

  const story = () =>
    estate.db.execute(sql`select state, waiting_for, outcome, count(*)::int from operations group by 1, 2, 3`);

  async function addPolicies(closesAt: Date) {
    const common = { maxAgeMinutes: MAX_AGE_MINUTES, firstChange: "automatic" as const };
    const { timeZone, hour } = zoneWhoseHourEndsAt(closesAt);
    const windowed = { ...common, jitterMinutes: JITTER_MINUTES };
    const shut = (closesAt.getUTCHours() + 5) % 24;
    return estate.db.transaction(async (tx) => ({
      windowed: await createPolicy(
        tx,
        { ...windowed, name: "windowed", windows: { timeZone, age: { days: DAILY, hours: [hour] } } },
        "test",
      ),
      shut: await createPolicy(
        tx,
        {
          ...common,
          name: "shut",
          priority: 2,
          criteria: { credentialTags: ["Shut"] },
          windows: { timeZone: "UTC", age: { days: DAILY, hours: [shut] } },
        },
        "test",
      ),
    }));
  }

  it("changes each once in its window, spread, whatever dies on the way", async () => {
    const place = await addTarget(estate, target);
    await estate.setPermits(place.deviceId, 20);
    // The administrator's own password is not to be changed here.
    await estate.db.update(credentials).set({ automaticChange: false });
    const accounts = await addAccounts(estate, target, place, COUNT);
    const shutOut = await addAccounts(estate, target, place, SHUT_OUT);
    for (const { credentialId } of shutOut)
      await estate.db
        .update(credentials)
        .set({ tags: ["shut"] })
        .where(eq(credentials.id, credentialId));

    const closesAt = nextMinute(Date.now() + READY_MS);
    const policies = await addPolicies(closesAt);
    const all = [...accounts, ...shutOut].map(({ credentialId }) => credentialId);
    await estate.db.transaction(async (tx) => {
      await resolveCredentials(tx, all);
      // The last is due five seconds after the window closed.
      const changedAt = new Date(closesAt.getTime() + 5_000 - MAX_AGE_MINUTES * MINUTE);
      await tx
        .update(credentials)
        .set({ changedAt })
        .where(sql`${credentials.policyId} is not null`);
    });
    const due = new Map(
      (await estate.db.select().from(credentials)).map(({ id, nextChangeAt }) => [id, nextChangeAt?.getTime() ?? 0]),
    );

    // In the middle: a tenth is done, or on a slow machine the window is about to close.
    const nearTheEnd = () => Date.now() > closesAt.getTime() - 15_000;
    await passUntil(async () => nearTheEnd() || (await count("succeeded")) >= COUNT / 10, "a tenth");
    await worker.kill();
    await temporal.kill();
    await sleep(1_000);
    temporal = await startTemporal({ ...file, port: temporal.port });
    worker = await TestWorker.start(estate.surroundings);
    await passUntil(async () => Date.now() > closesAt.getTime() + 15_000, "the end of the window");
    await passUntil(async () => (await count("running")) === 0, "the end of what ran");
    const inTime = await count("succeeded");
    expect(inTime, "some were changed while it was open").toBeGreaterThan(0);
    expect(inTime, "some came too late for it").toBeLessThan(COUNT);

    const reopenedAt = Date.now();
    const patch = { windows: { timeZone: "UTC" } };
    await estate.db.transaction((tx) => editPolicy(tx, { id: policies.windowed, revision: 1, patch, person: "test" }));
    for await (const refs of windowOperations(estate.db, policies.windowed))
      await withClient((client) => Promise.all(refs.map((ref) => wakeOperation(client, ref))));
    await passUntil(async () => (await count("succeeded")) === COUNT, "the rest");

    await proveOncePerSlot(estate, { accounts, due, policyId: policies.windowed });
    await proveTimes(estate, { closesAt: closesAt.getTime(), reopenedAt });
    await proveShutOut(
      estate,
      shutOut.map(({ credentialId }) => credentialId),
    );
    for (const { username, credentialId } of accounts.slice(0, 20))
      expect(await target.logsIn(username, await estate.currentPassword(credentialId))).toBe(true);
  });
});

/** One operation for each due slot, not before it was due; one promoted version, and no candidate is left. */
async function proveOncePerSlot(
  { db }: Estate,
  facts: { accounts: readonly { credentialId: string }[]; due: ReadonlyMap<string, number>; policyId: string },
): Promise<void> {
  const done = await db.select().from(operations).where(eq(operations.policyId, facts.policyId));
  const ids = facts.accounts.map(({ credentialId }) => credentialId).toSorted();
  expect(done.map(({ credentialId }) => credentialId).toSorted()).toEqual(ids);
  for (const { credentialId, requestedAt, trigger } of done) {
    expect(trigger).toBe("age");
    expect(requestedAt.getTime()).toBeGreaterThanOrEqual(facts.due.get(credentialId) ?? Infinity);
  }
  const versions = await db.select().from(secretVersions);
  const byCredential = Map.groupBy(versions, ({ credentialId }) => credentialId);
  const codes = new Map(done.map(({ credentialId, code }) => [credentialId, code]));
  for (const id of ids) {
    const mine = byCredential.get(id) ?? [];
    const promoted = mine.filter(({ operationCode, promotedAt }) => operationCode === codes.get(id) && promotedAt);
    expect(promoted.map(({ status }) => status)).toEqual(["current"]);
    expect(mine.filter(({ status }) => status === "candidate" || status === "doubtful")).toEqual([]);
  }
}

/** Nothing begins while the window is shut, and both the changes and the next ones are spread. */
async function proveTimes(
  { db }: Estate,
  { closesAt, reopenedAt }: { closesAt: number; reopenedAt: number },
): Promise<void> {
  const begun = (await db.select().from(attempts)).map(({ startedAt }) => startedAt.getTime());
  // A stage that began a moment before the edit was committed may read the policy a moment after.
  expect(begun.filter((at) => at >= closesAt && at < reopenedAt - 2_000)).toEqual([]);
  expect(begun.filter((at) => at < closesAt).length).toBeGreaterThan(0);
  const next = await db
    .select({ age: sql<number>`extract(epoch from ${credentials.nextChangeAt} - ${credentials.changedAt})::float8` })
    .from(credentials)
    .where(sql`${credentials.driven} and ${credentials.nextChangeAt} is not null`);
  const ages = next.map(({ age }) => age).toSorted((a, b) => a - b);
  const jitter = JITTER_MINUTES * 60;
  expect(ages).toHaveLength(COUNT);
  expect(ages[0]).toBeGreaterThanOrEqual(MAX_AGE_MINUTES * 60 - jitter);
  expect(ages.at(-1)).toBeLessThanOrEqual(MAX_AGE_MINUTES * 60);
  // Uniform: each quarter of the jitter has its share, by far more than chance would take away.
  for (let quarter = 0; quarter < 4; quarter += 1) {
    const from = MAX_AGE_MINUTES * 60 - jitter + (quarter * jitter) / 4;
    expect(ages.filter((age) => age >= from && age <= from + jitter / 4).length).toBeGreaterThan(COUNT / 10);
  }
}

/** Those whose window was never open wait for it, untouched. */
async function proveShutOut({ db }: Estate, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const rows = await db.select().from(operations).where(eq(operations.credentialId, id));
    expect(rows).toMatchObject([{ state: "scheduled", waitingFor: "window", attempts: 0 }]);
  }
}
