import { setTimeout as sleep } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { sql } from "drizzle-orm";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { randomNumbers } from "../../bench/random-numbers.ts";
import { repair } from "../../activities/repair.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import { OPERATION_STATES } from "../../contracts/states.ts";
import type { Database, Transaction } from "../../db/client.ts";
import { foldEvents, readCounts } from "../../db/queries/operation-counts.ts";
import { createToken, makeTokenValue } from "../../db/queries/tokens.ts";
import { openTestApi, type TestApi } from "../helpers/api.ts";
import { listen } from "../helpers/event-stream.ts";
import { makeOperations } from "../helpers/operation-rows.ts";

const SEED = Math.floor(Math.random() * 2 ** 31);
const ROWS = 200;

let api: TestApi;
let url: string;
let headers: { authorization: string };
beforeEach(async () => {
  api = await openTestApi();
  await makeOperations(api.db, ROWS, randomNumbers(SEED));
  const value = makeTokenValue();
  await createToken(api.db, { name: "listener", owner: "Vera", roles: ["viewer"], value });
  headers = { authorization: `Bearer ${value}` };
  url = `${await api.app.listen({ port: 0, host: "127.0.0.1" })}/v1/operations/events`;
});
afterEach(() => api.close());

/** Writers that move and make operations, in transactions that end in another order than they began, or not at all. */
async function writeAtOnce(db: Database, writers: number, transactions: number): Promise<void> {
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const random = randomNumbers(SEED + writer);
      const below = (limit: number) => Math.floor(random() * limit);
      // Each has codes of its own, so that none waits for another's row.
      const codes = Array.from({ length: Math.floor(ROWS / writers) }, (_none, index) => index * writers + writer + 1);
      const step = async (tx: Transaction) => {
        const state = OPERATION_STATES[below(OPERATION_STATES.length)] ?? "error";
        if (random() < 0.2)
          await tx.execute(sql`insert into operations (kind, state, started_run, credential_id, device_id, target_id, site, trigger, requested_by)
            select kind, ${state}, 1, credential_id, device_id, target_id, site, 'request', requested_by from operations where code = ${codes[0]}`);
        else await tx.execute(sql`update operations set state = ${state} where code = ${codes[below(codes.length)]}`);
      };
      for (let count = 0; count < transactions; count += 1)
        await db
          .transaction(async (tx) => {
            for (let steps = 1 + below(3); steps > 0; steps -= 1) await step(tx);
            await sleep(below(25));
            if (random() < 0.2) throw new Error("given up");
            await step(tx);
          })
          .catch((error: Error) => expect(error.message).toBe("given up"));
    }),
  );
}

/** Everything that happened behind an id, in order. */
async function happened(after: string): Promise<{ id: string; state: string; code: number }[]> {
  const [xid = "0", id = "0"] = after.split(".");
  const rows = await api.db.execute<{ id: string; state: string; code: number }>(sql`
    select xid || '.' || id as id, state, code::int from operation_events
    where (xid, id) > (${xid}::xid8, ${id}::bigint) order by operation_events.xid, operation_events.id`);
  return [...rows];
}

const told = (heard: readonly { id: string; data: Record<string, unknown> }[]) =>
  heard.map(({ id, data }) => ({ id, state: data["state"], code: data["code"] }));

describe(`events of operations, seed ${SEED}`, () => {
  test("each is told once and in order, whatever order transactions end in, through a break in the middle", async () => {
    const whole = await listen(url, headers);
    const errors = await listen(`${url}?state=error&state=expired`, headers);
    const broken = await listen(url, headers);
    const [first, second] = [whole.lastId, broken.lastId];
    const writing = writeAtOnce(api.db, 8, 30);
    await expect.poll(() => broken.heard.length, { timeout: 120_000 }).toBeGreaterThan(100);
    broken.leave();
    const before = [...broken.heard];
    const resumeAt = broken.lastId;
    await sleep(700);
    const resumed = await listen(url, { ...headers, "last-event-id": resumeAt });
    await writing;
    const all = await happened(first);
    expect(all.length).toBeGreaterThan(400);
    await expect.poll(() => whole.heard.length, { timeout: 120_000 }).toBe(all.length);
    expect(told(whole.heard)).toEqual(all);
    const theirs = await happened(second);
    await expect.poll(() => before.length + resumed.heard.length, { timeout: 120_000 }).toBe(theirs.length);
    expect(told([...before, ...resumed.heard])).toEqual(theirs);
    const wanted = all.filter(({ state }) => state === "error" || state === "expired");
    await expect.poll(() => errors.heard.length, { timeout: 120_000 }).toBe(wanted.length);
    expect(told(errors.heard)).toEqual(wanted);
  });

  test("a listener that does not read is read for later, and misses nothing", async () => {
    const slow = await listen(url, headers);
    const start = slow.lastId;
    slow.pause();
    for (let round = 0; round < 40; round += 1)
      await api.db.execute(
        sql`update operations set state = case when state = 'error' then 'scheduled' else 'error' end`,
      );
    await sleep(1000);
    slow.goOn();
    const all = await happened(start);
    expect(all.length).toBe(40 * ROWS);
    await expect.poll(() => slow.heard.length, { timeout: 120_000 }).toBe(all.length);
    expect(told(slow.heard)).toEqual(all);
  });

  test("who comes back too late, or with an id of another database, is told to begin anew", async () => {
    const early = await listen(url, headers);
    early.leave();
    await api.db.execute(sql`update operations set state = 'error' where state <> 'error'`);
    await api.db.execute(sql`update operation_events set at = now() - interval '8 days'`);
    await expect
      .poll(async () => {
        await foldEvents(api.db);
        return (await happened("0.0")).length;
      })
      .toBe(0);
    for (const id of [early.lastId, "999999999999.1"]) {
      const late = await listen(url, { ...headers, "last-event-id": id });
      expect(late.heard.map(({ event }) => event)).toEqual(["reset"]);
      await api.db.execute(sql`update operations set state = 'expired' where code = 1`);
      await api.db.execute(sql`update operations set state = 'error' where code = 1`);
      await expect.poll(() => late.heard.length, { timeout: 120_000 }).toBe(3);
      late.leave();
    }
    const refused = await fetch(url, { headers: { ...headers, "last-event-id": "yesterday" } });
    expect(await refused.json()).toMatchObject({ status: 400, errors: [{ field: "Last-Event-ID" }] });
  });

  test("the stream ends when the API stops", async () => {
    const listener = await listen(url, headers);
    await api.app.close();
    await listener.ended;
  });
});

describe(`counts, seed ${SEED}`, () => {
  test("are exact at every moment while operations move and events are folded", async () => {
    let isOver = false;
    let compared = 0;
    // A busy machine compares seldom: it is written until it was compared often enough.
    const writing = (async () => {
      do await writeAtOnce(api.db, 6, 25);
      while (compared <= 10 && !isOver);
    })();
    const folding = (async () => {
      for (let count = 0; !isOver; count += 1) await foldEvents(api.db);
    })();
    const compare = () =>
      api.db.transaction(
        async (tx) => {
          const rows = await tx.execute<{ state: string; site: string; count: number }>(
            sql`select state, site, count(*)::int from operations group by 1, 2`,
          );
          const { counts } = await readCounts(tx);
          const seen = Object.entries(counts.sites).flatMap(([site, states]) =>
            Object.entries(states).flatMap(([state, count]) => (count === 0 ? [] : [`${site} ${state} ${count}`])),
          );
          expect(seen.toSorted()).toEqual(rows.map(({ state, site, count }) => `${site} ${state} ${count}`).toSorted());
          for (const state of OPERATION_STATES)
            expect(counts[state]).toBe(
              rows.filter((row) => row.state === state).reduce((sum, row) => sum + row.count, 0),
            );
        },
        { isolationLevel: "repeatable read" },
      );
    const comparing = (async () => {
      for (; !isOver; compared += 1) await compare();
    })();
    // A difference ends all three.
    await Promise.race([writing, comparing, folding]).finally(() => (isOver = true));
    await Promise.all([writing, folding, comparing]);
    // The repair sweep does it, too, where nobody reads counts. Nothing is to be mended, so it asks Temporal nothing.
    const connection = Connection.lazy({ address: "127.0.0.1:9" });
    const sweep = {
      db: api.db,
      client: new Client({ connection }),
      settings: Settings.parse({}),
      log: pino({ enabled: false }),
    };
    await expect
      .poll(async () => {
        await repair(sweep);
        return (await readCounts(api.db)).beside;
      })
      .toBe(0);
    await compare();
    await connection.close();
  });
});
