/** One request that acts on many operations. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Ask } from "../helpers/api.ts";
import { needApprovals, requestChanges } from "../helpers/approvals.ts";
import { act, type Many, openMany } from "../helpers/many-operations.ts";

let many: Many;
let operator: Ask;
let approver: Ask;
beforeAll(async () => {
  many = await openMany();
  ({ operator, approver } = many);
});
beforeEach(() => needApprovals(many.api.db, 0));
afterAll(() => many.api.close());

describe("acting on many", () => {
  test("answers for each in the order of the codes, and what is refused hinders no other", async () => {
    const [first = 0, second = 0, third = 0, fourth = 0] = await many.open(4);
    await many.end([second]);
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
    const [row] = await many.api.db.execute(sql`select run, waiting_for, due_at > now() as later, attempts, run_attempts
      from operations where code = ${second}`);
    expect(row).toEqual({ run: 2, waiting_for: "time", later: true, attempts: 0, run_attempts: 0 });
    expect((await act(operator, { action: "run-now", codes: [second, fourth] })).body.items).toMatchObject([
      { ok: true },
      { ok: true },
    ]);
  });

  test("needs what the same action on one needs", async () => {
    const codes = await many.open(1);
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
    const viewer = await many.api.as(["viewer"], "Vera");
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
    await needApprovals(many.api.db, 1);
    const [one = 0, two = 0, late = 0, moved = 0] = await many.open(4);
    await many.api.db.execute(sql`update operations set approval_expires_at = now() where code = ${late}`);
    await many.api.db.execute(sql`update operations set approval_digest = 'of something else' where code = ${moved}`);
    await many.api.db.execute(sql`update operations set requested_by = 'ben' where code = ${two}`);
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
    const kept = await many.api.db
      .execute(sql`select operation_code::int as code, round, decision, comment from approvals
      where operation_code >= ${one} order by 1`);
    expect([...kept]).toEqual([
      { code: one, round: 1, decision: "approved", comment: "all of them" },
      { code: moved, round: 2, decision: "rejected", comment: "no" },
    ]);
  });
});

describe("restarting many", () => {
  test("one credential gets one open operation, and what cannot be changed any more is told why", async () => {
    const [older = 0, inactive = 0, open1 = 0] = await many.open(3);
    await many.end([older]);
    const [{ id } = { id: "" }] = await many.api.db.execute<{ id: string }>(
      sql`select credential_id as id from operations where code = ${older}`,
    );
    const newer = (await requestChanges(operator, [id]))[0]?.code ?? 0;
    await many.end([newer, inactive]);
    await many.api.db.execute(sql`update credentials set active = false
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
      const codes = await many.open(150);
      await many.end(codes);
      const rows = await many.api.db.execute<{ id: string }>(sql`select credential_id as id from operations
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
      const open1 = await many.api.db.execute<{ code: number }>(sql`select code::int as code from operations
        where open_credential_id = any(${sql.param(ids)}::uuid[]) order by code`);
      expect(won.toSorted((a, b) => a - b)).toEqual(open1.map(({ code }) => code));
      expect(won).toHaveLength(150);
      for (const { ok, problem } of restarted.body.items)
        if (!ok) expect(problem).toMatchObject({ code: "credential.change-open", openCode: expect.any(Number) });
    }
  });
});
