/** One request that acts on many operations. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ActionResults } from "../../contracts/operation-actions.schema.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";
import { needApprovals, requestChanges } from "../helpers/approvals.ts";

let api: TestApi;
let operator: Ask;
let approver: Ask;
let deviceId: string;
beforeAll(async () => {
  api = await openTestApi();
  ({ deviceId } = await makeCredentials(await api.as(["administrator"], "Ada"), 0, "bulk"));
  operator = await api.as(["operator"], "Olga");
  approver = await api.as(["approver"], "Ben");
});
beforeEach(() => needApprovals(api.db, 0));
afterAll(() => api.close());

/** Codes of new operations of new credentials. */
async function open(count: number): Promise<number[]> {
  await api.db.execute(sql`update operations set state = 'canceled', open_credential_id = null, wake_at = null`);
  const made = await api.db.execute<{ id: string }>(sql`
    with made as (insert into credentials (id, device_id, plugin, username, automatic_change)
      select gen_random_uuid(), ${deviceId}, 'plain', gen_random_uuid()::text, true from generate_series(1, ${count})
      returning id), stored as (insert into secret_versions (id, credential_id, version, status, sealed, origin)
      select gen_random_uuid(), id, 1, 'current', 'x', 'stored' from made)
    select id from made`);
  const opened = await requestChanges(
    operator,
    made.map(({ id }) => id),
  );
  return opened.map(({ code }) => code).toSorted((a, b) => a - b);
}
const act = (who: Ask, body: object, headers = {}) =>
  who<ActionResults & { code?: string; errors?: { field: string }[] }>("POST", "/v1/operations/actions", {
    body,
    headers,
  });
const end = (codes: readonly number[], outcome = "target.unreachable") =>
  api.db.execute(sql`update operations set state = 'error', open_credential_id = null, wake_at = null,
    waiting_for = null, outcome = ${outcome}, ended_at = now() where code = any(${sql.param(codes)}::bigint[])`);
const audited = async (action: string, codes: readonly number[]) => {
  const [row] = await api.db.execute<{ count: number; distinct: number }>(sql`select count(*)::int as count,
    count(distinct operation_code)::int as distinct from audit where action = ${action}
    and operation_code = any(${sql.param(codes)}::bigint[])`);
  return row;
};

describe("acting on many", () => {
  test("answers for each in the order of the codes, and what is refused hinders no other", async () => {
    const [first = 0, second = 0, third = 0, fourth = 0] = await open(4);
    await end([second]);
    const { status, body } = await act(operator, {
      action: "cancel",
      codes: [third, 999_999_999, second, first, first, third],
    });
    expect(status).toBe(200);
    expect(body.items).toEqual([
      { code: first, ok: true, state: "canceled", problem: null },
      {
        code: second,
        ok: false,
        state: "error",
        problem: { code: "operation.state", detail: expect.stringContaining("error") },
      },
      { code: third, ok: true, state: "canceled", problem: null },
      {
        code: 999_999_999,
        ok: false,
        state: null,
        problem: { code: "operation.not-found", detail: expect.any(String) },
      },
    ]);
    const restarted = await act(operator, {
      action: "restart",
      codes: [second, fourth],
      scheduledFor: "2099-01-01T00:00:00Z",
    });
    expect(restarted.body.items).toMatchObject([
      { code: second, ok: true, state: "scheduled" },
      { code: fourth, ok: false, state: "scheduled" },
    ]);
    const [row] = await api.db.execute(sql`select run, waiting_for, due_at > now() as later, attempts, run_attempts
      from operations where code = ${second}`);
    expect(row).toEqual({ run: 2, waiting_for: "time", later: true, attempts: 0, run_attempts: 0 });
    expect((await act(operator, { action: "run-now", codes: [second, fourth] })).body.items).toMatchObject([
      { ok: true },
      { ok: true },
    ]);
  });

  test("needs what the same action on one needs", async () => {
    const codes = await open(1);
    for (const action of ["approve", "reject"])
      expect(await act(operator, { action, codes })).toMatchObject({
        status: 403,
        body: { code: "permission.denied" },
      });
    for (const action of ["cancel", "restart", "run-now"])
      expect(await act(approver, { action, codes })).toMatchObject({
        status: 403,
        body: { code: "permission.denied" },
      });
    const viewer = await api.as(["viewer"], "Vera");
    expect((await act(viewer, { action: "cancel", codes })).status).toBe(403);
  });

  test("takes only what belongs to the action", async () => {
    const refused = async (body: object) => (await act(operator, body)).body.errors?.map(({ field }) => field);
    expect(await refused({ action: "cancel", codes: [1], comment: "x" })).toEqual(["comment"]);
    expect(await refused({ action: "cancel", codes: [1], scheduledFor: "2099-01-01T00:00:00Z" })).toEqual([
      "scheduledFor",
    ]);
    expect(await refused({ action: "cancel", codes: [] })).toEqual(["codes"]);
    expect(await refused({ action: "burn", codes: [1] })).toEqual(["action"]);
    expect(await refused({ action: "cancel", codes: Array.from({ length: 10_001 }, (_, index) => index + 1) })).toEqual(
      ["codes"],
    );
  });

  test("decides about each by its own rule", async () => {
    await needApprovals(api.db, 1);
    const [one = 0, two = 0, late = 0, moved = 0] = await open(4);
    await api.db.execute(sql`update operations set approval_expires_at = now() where code = ${late}`);
    await api.db.execute(sql`update operations set approval_digest = 'of something else' where code = ${moved}`);
    await api.db.execute(sql`update operations set requested_by = 'ben' where code = ${two}`);
    const { body } = await act(approver, { action: "approve", codes: [one, two, late, moved], comment: "all of them" });
    expect(body.items).toMatchObject([
      { code: one, ok: true, state: "scheduled" },
      { code: two, ok: false, state: "awaiting-approval", problem: { code: "approval.own-request" } },
      { code: late, ok: false, state: "expired", problem: { code: "approval.expired" } },
      { code: moved, ok: false, state: "awaiting-approval", problem: { code: "approval.changed" } },
    ]);
    const rejected = await act(approver, { action: "reject", codes: [one, two, late, moved], comment: "no" });
    expect(rejected.body.items.map(({ ok, state }) => [ok, state])).toEqual([
      [false, "scheduled"],
      [false, "awaiting-approval"],
      [false, "expired"],
      [true, "canceled"],
    ]);
    const kept = await api.db.execute(sql`select operation_code::int as code, round, decision, comment from approvals
      where operation_code >= ${one} order by 1`);
    expect([...kept]).toEqual([
      { code: one, round: 1, decision: "approved", comment: "all of them" },
      { code: moved, round: 2, decision: "rejected", comment: "no" },
    ]);
  });
});

describe("restarting many", () => {
  test("one credential gets one open operation, and what cannot be changed any more is told why", async () => {
    const [older = 0, inactive = 0, open1 = 0] = await open(3);
    await end([older]);
    const [{ id } = { id: "" }] = await api.db.execute<{ id: string }>(
      sql`select credential_id as id from operations where code = ${older}`,
    );
    const newer = (await requestChanges(operator, [id]))[0]?.code ?? 0;
    await end([newer, inactive]);
    await api.db.execute(sql`update credentials set active = false
      where id = (select credential_id from operations where code = ${inactive})`);
    const { body } = await act(operator, { action: "restart", codes: [newer, inactive, older, open1] });
    expect(body.items).toMatchObject([
      { code: older, ok: true, state: "scheduled" },
      { code: inactive, ok: false, state: "error", problem: { code: "credential.inactive" } },
      { code: open1, ok: false, state: "scheduled", problem: { code: "operation.state" } },
      { code: newer, ok: false, state: "error", problem: { code: "credential.change-open", openCode: older } },
    ]);
  });

  test("against requests for the same credentials: each has one open operation, and all are told the truth", async () => {
    for (let round = 0; round < 10; round += 1) {
      const codes = await open(150);
      await end(codes);
      const rows = await api.db.execute<{ id: string }>(sql`select credential_id as id from operations
        where code = any(${sql.param(codes)}::bigint[]) order by random()`);
      const ids = rows.map(({ id }) => id);
      const [restarted, requested, others] = await Promise.all([
        act(operator, { action: "restart", codes }),
        ...[ids, ids.toReversed()].map((some) =>
          operator<{ operations: { code: number; credentialId: string }[]; refused: { openCode: number }[] }>(
            "POST",
            "/v1/password-changes",
            { body: { credentialIds: some } },
          ),
        ),
      ]);
      const won = [
        ...restarted.body.items.filter(({ ok }) => ok).map(({ code }) => code),
        ...[requested, others].flatMap((answer) => answer?.body.operations.map(({ code }) => code) ?? []),
      ];
      const open1 = await api.db.execute<{ code: number }>(sql`select code::int as code from operations
        where open_credential_id = any(${sql.param(ids)}::uuid[]) order by code`);
      expect(won.toSorted((a, b) => a - b)).toEqual(open1.map(({ code }) => code));
      expect(won).toHaveLength(150);
      for (const { ok, problem } of restarted.body.items)
        if (!ok) expect(problem).toMatchObject({ code: "credential.change-open", openCode: expect.any(Number) });
    }
  });
});

describe("ten thousand in one request", () => {
  test("are done once each, and a repeated key gets the same answer", async () => {
    const codes = await open(10_000);
    const headers = { "idempotency-key": "ten-thousand" };
    const canceled = await act(operator, { action: "cancel", codes }, headers);
    expect(canceled.body.items.every(({ ok, state }) => ok && state === "canceled")).toBe(true);
    expect(canceled.body.items.map(({ code }) => code)).toEqual(codes);
    expect((await act(operator, { action: "cancel", codes }, headers)).body).toEqual(canceled.body);
    expect(await audited("operation.canceled", codes)).toEqual({ count: 10_000, distinct: 10_000 });
    const other = await act(operator, { action: "cancel", codes: codes.slice(1) }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: "idempotency.key-reused" } });
    const again = await act(operator, { action: "cancel", codes });
    expect(again.body.items.every(({ ok, state }) => !ok && state === "canceled")).toBe(true);
    await end(codes);
    const restarted = await act(operator, { action: "restart", codes });
    expect(restarted.body.items.every(({ ok, state }) => ok && state === "scheduled")).toBe(true);
    expect(await audited("operation.restarted", codes)).toEqual({ count: 10_000, distinct: 10_000 });
  });

  test("a fault in the middle undoes its own part alone; the repeated request does the rest", async () => {
    const codes = await open(1000);
    const headers = { "idempotency-key": "in-the-middle" };
    await api.db.execute(
      sql.raw(`create function fail_at() returns trigger language plpgsql as $$
      begin if new.code = ${codes[500]} then raise exception 'no'; end if; return new; end $$;
      create trigger fail_at before update on operations for each row execute function fail_at()`),
    );
    expect((await act(operator, { action: "cancel", codes }, headers)).status).toBe(500);
    const [middle] = await api.db.execute(sql`select count(*) filter (where state = 'canceled')::int as canceled
      from operations where code = any(${sql.param(codes)}::bigint[])`);
    expect(middle).toEqual({ canceled: 400 });
    await api.db.execute(sql.raw("drop trigger fail_at on operations; drop function fail_at()"));
    const { body } = await act(operator, { action: "cancel", codes }, headers);
    expect(body.items.filter(({ ok }) => ok).map(({ code }) => code)).toEqual(codes);
    expect(await audited("operation.canceled", codes)).toEqual({ count: 1000, distinct: 1000 });
  });
});
