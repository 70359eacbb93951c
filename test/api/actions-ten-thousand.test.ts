/** One request that acts on ten thousand operations, whatever happens in the middle of it. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Ask } from "../helpers/api.ts";
import { act, type Many, openMany } from "../helpers/many-operations.ts";

let many: Many;
let operator: Ask;
beforeAll(async () => {
  many = await openMany();
  ({ operator } = many);
});
afterAll(() => many.api.close());

test("ten thousand are done once each, and a repeated key gets the same answer", async () => {
  const codes = await many.open(10_000);
  const headers = { "idempotency-key": "ten-thousand" };
  const canceled = await act(operator, { action: "cancel", codes }, headers);
  expect(canceled.body.items.every(({ ok, state }) => ok && state === "canceled")).toBe(true);
  expect(canceled.body.items.map(({ code }) => code)).toEqual(codes);
  expect((await act(operator, { action: "cancel", codes }, headers)).body).toEqual(canceled.body);
  expect(await many.audited("operation.canceled", codes)).toEqual({ count: 10_000, distinct: 10_000 });
  const other = await act(operator, { action: "cancel", codes: codes.slice(1) }, headers);
  expect(other).toMatchObject({ status: 422, body: { code: "idempotency.key-reused" } });
  await many.end(codes);
  const restarted = await act(operator, { action: "restart", codes });
  expect(restarted.body.items.every(({ ok, state }) => ok && state === "scheduled")).toBe(true);
  expect(await many.audited("operation.restarted", codes)).toEqual({ count: 10_000, distinct: 10_000 });
});

test("a fault in the middle undoes its own part alone; the repeated request does the rest", async () => {
  const codes = await many.open(1000);
  const headers = { "idempotency-key": "in-the-middle" };
  await many.api.db.execute(
    sql.raw(`create function fail_at() returns trigger language plpgsql as $$
      begin if new.code = ${codes[500]} then raise exception 'no'; end if; return new; end $$;
      create trigger fail_at before update on operations for each row execute function fail_at()`),
  );
  expect((await act(operator, { action: "cancel", codes }, headers)).status).toBe(500);
  const [middle] = await many.api.db.execute(sql`select count(*) filter (where state = 'canceled')::int as canceled
      from operations where code = any(${sql.param(codes)}::bigint[])`);
  expect(middle).toEqual({ canceled: 400 });
  await many.api.db.execute(sql.raw("drop trigger fail_at on operations; drop function fail_at()"));
  const { body } = await act(operator, { action: "cancel", codes }, headers);
  expect(body.items.filter(({ ok }) => ok).map(({ code }) => code)).toEqual(codes);
  expect(await many.audited("operation.canceled", codes)).toEqual({ count: 1000, distinct: 1000 });
});

test("connections that die in the middle: whoever repeats the request has each done once", async () => {
  const codes = await many.open(2000);
  const headers = { "idempotency-key": "cut" };
  const acting = act(operator, { action: "cancel", codes }, headers);
  const canceled = async () => {
    const [row] = await many.api.db.execute<{ count: number }>(sql`select count(*)::int as count from operations
        where state = 'canceled' and code = any(${sql.param(codes)}::bigint[])`);
    return row?.count ?? 0;
  };
  await vi.waitFor(async () => expect(await canceled()).toBeGreaterThan(0), { timeout: 120_000, interval: 5 });
  await many.api.db.execute(sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);
  expect((await acting).status).toBeGreaterThanOrEqual(500);
  const middle = await vi.waitFor(canceled, 60_000);
  expect(middle % 200).toBe(0);
  expect(middle).toBeLessThan(2000);
  const { body } = await act(operator, { action: "cancel", codes }, headers);
  expect(body.items.filter(({ ok }) => ok).map(({ code }) => code)).toEqual(codes);
  expect(await many.audited("operation.canceled", codes)).toEqual({ count: 2000, distinct: 2000 });
});
