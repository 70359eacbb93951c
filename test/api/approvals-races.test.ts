/** Decisions against everything else that may happen to the row at the same moment: each time exactly one wins. */
import { setTimeout } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Operation } from "../../contracts/operations.schema.ts";
import { expireOperation } from "../../db/queries/approvals.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";
import { decide, needApprovals, requestChanges } from "../helpers/approvals.ts";

const ROUNDS = 32;

let api: TestApi;
let admin: Ask;
let ben: Ask;
let cleo: Ask;
let deviceId: string;
let ids: string[];
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
  ben = await api.as(["approver"], "Ben");
  cleo = await api.as(["approver"], "Cleo");
  ({ deviceId, ids } = await makeCredentials(admin, ROUNDS, "raced"));
});
afterAll(() => api.close());

/** New operations that need so many approvals, one for each credential. */
async function openAll(approvals: number): Promise<number[]> {
  await needApprovals(api.db, approvals);
  await api.db.execute(sql`update operations set state = 'canceled', open_credential_id = null, wake_at = null`);
  return (await requestChanges(admin, ids)).map(({ code }) => code);
}
const read = async (code: number) => (await admin<Operation>("GET", `/v1/operations/${code}`)).body;
const actions = async (code: number) => {
  const rows = await api.db.execute<{ action: string }>(
    sql`select action from audit where operation_code = ${code} order by id`,
  );
  return rows.map(({ action }) => action.replace("operation.", ""));
};
/** Begins both at the same moment, one or the other some milliseconds later, so that each wins now and then. */
function race<A, B>(round: number, one: () => Promise<A>, other: () => Promise<B>): Promise<[A, B]> {
  const delay = ((round % 8) - 4) * 4;
  return Promise.all([setTimeout(Math.max(0, delay)).then(one), setTimeout(Math.max(0, -delay)).then(other)]);
}
/** Counts how the rounds ended; both ways must have happened, else the test raced nothing. */
function tally(): { count(way: string): void; check(...ways: string[]): void } {
  const ways = new Map<string, number>();
  return {
    count: (way) => void ways.set(way, (ways.get(way) ?? 0) + 1),
    check: (...wanted) => expect([...ways.keys()].toSorted()).toEqual(wanted.toSorted()),
  };
}

test("approve against cancel", async () => {
  const ways = tally();
  for (const [round, code] of (await openAll(1)).entries()) {
    const [approved, canceled] = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () => admin("POST", `/v1/operations/${code}/cancel`),
    );
    // A scheduled operation can be canceled as well: then the approval came first, and both are true.
    expect(canceled.status).toBe(200);
    expect((await read(code)).state).toBe("canceled");
    const first = approved.status === 200;
    if (!first) expect(approved).toMatchObject({ status: 409, body: { code: "operation.state", state: "canceled" } });
    expect(await actions(code)).toEqual(["requested", ...(first ? ["approved", "scheduled"] : []), "canceled"]);
    ways.count(first ? "both" : "cancel");
  }
  ways.check("both", "cancel");
});

test("approve against reject", async () => {
  const ways = tally();
  for (const [round, code] of (await openAll(1)).entries()) {
    const answers = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () => decide(cleo, { code, decision: "reject" }),
    );
    const { state } = await read(code);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const [approved, rejected] = answers;
    expect(state).toBe(approved.status === 200 ? "scheduled" : "canceled");
    const loser = approved.status === 200 ? rejected : approved;
    expect(loser.body).toMatchObject({ code: "operation.state", state });
    ways.count(state);
  }
  ways.check("scheduled", "canceled");
});

test("approve against expire, around the moment at which its time is over", async () => {
  const ways = tally();
  for (const [round, code] of (await openAll(1)).entries()) {
    await api.db.execute(sql`update operations set approval_expires_at = clock_timestamp()
      + make_interval(secs => ${2 ** (round % 10) / 1000}) where code = ${code}`);
    const [approved, expired] = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () => expireOperation(api.db, { code, run: 1 }),
    );
    const { state, outcome } = await read(code);
    ways.count(state);
    if (approved.status === 200) {
      expect(state).toBe("scheduled");
      expect(expired.kind).not.toBe("ended");
      expect(await actions(code)).toEqual(["requested", "approved", "scheduled"]);
      continue;
    }
    expect({ state, outcome }).toEqual({ state: "expired", outcome: "approval.expired" });
    expect(approved).toMatchObject({ status: 409, body: { state: "expired" } });
    expect(await actions(code)).toEqual(["requested", "expired"]);
    expect(await expireOperation(api.db, { code, run: 1 })).toEqual({ kind: "ended", state: "expired" });
  }
  ways.check("scheduled", "expired");
});

test("two approvers at the same moment where one is enough: one winner, and the other is told", async () => {
  for (const [round, code] of (await openAll(1)).entries()) {
    const answers = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () => decide(cleo, { code, decision: "approve" }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const loser = answers.find(({ status }) => status === 409);
    expect(loser?.body).toMatchObject({ code: "operation.state", state: "scheduled" });
    expect(await actions(code)).toEqual(["requested", "approved", "scheduled"]);
  }
});

test("the last two of three at the same moment: both count, and exactly one of them is the last", async () => {
  const dora = await api.as(["approver"], "Dora");
  for (const [round, code] of (await openAll(3)).entries()) {
    await decide(dora, { code, decision: "approve" });
    const answers = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () => decide(cleo, { code, decision: "approve" }),
    );
    expect(answers.map(({ status, body }) => [status, body.state]).toSorted()).toEqual([
      [200, "awaiting-approval"],
      [200, "scheduled"],
    ]);
    expect(await actions(code)).toEqual(["requested", "approved", "approved", "approved", "scheduled"]);
  }
});

test("one person twice at the same moment counts once", async () => {
  for (const [round, code] of (await openAll(2)).entries()) {
    const answers = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () => decide(ben, { code, decision: "approve" }),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe("approval.already-decided");
    expect((await read(code)).state).toBe("awaiting-approval");
  }
});

test("approve against an edit: what is scheduled was approved as it was, or is asked for again", async () => {
  const ways = tally();
  for (const [round, code] of (await openAll(1)).entries()) {
    const { approval } = await read(code);
    const etag = String((await admin("GET", `/v1/devices/${deviceId}`)).headers["etag"]);
    const [approved, edited] = await race(
      round,
      () => decide(ben, { code, decision: "approve" }),
      () =>
        admin("PATCH", `/v1/devices/${deviceId}`, {
          body: { address: `moved-${round}.example` },
          headers: { "if-match": etag },
        }),
    );
    expect(edited.status).toBe(200);
    const after = await read(code);
    if (approved.status === 200) {
      expect(after).toMatchObject({ state: "scheduled", approval: { round: 1, digest: approval?.digest } });
      ways.count("approved");
    } else {
      expect(approved).toMatchObject({ status: 409, body: { code: "approval.changed" } });
      expect(after).toMatchObject({ state: "awaiting-approval", approval: { round: 2 } });
      expect(after.approval?.digest).not.toBe(approval?.digest);
      ways.count("asked again");
    }
  }
  ways.check("approved", "asked again");
});
