import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import type { OperationDetails } from "../../contracts/operations.schema.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";
import {
  decide as decideAs,
  type Decision,
  needApprovals,
  putUnderPolicy,
  requestChanges,
} from "../helpers/approvals.ts";

type Details = z.infer<typeof OperationDetails>;

let api: TestApi;
let admin: Ask;
let ben: Ask;
let cleo: Ask;
let id: string;
let code: number;
let count = 0;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator", "approver"], "Ada");
  ben = await api.as(["approver"], "Ben");
  cleo = await api.as(["approver"], "Cleo");
});
beforeEach(async () => {
  await needApprovals(api.db, 2);
  await api.db.execute(sql`update policies set active = false`);
  count += 1;
  id = (await makeCredentials(admin, 1, `approved-${count}`)).ids[0] ?? "";
});
afterAll(() => api.close());

async function request(more: object = {}): Promise<void> {
  code = (await requestChanges(admin, [id], more))[0]?.code ?? 0;
}
const decide = (who: Ask, decision: Decision, more?: Parameters<Ask>[2]) => decideAs(who, { code, decision }, more);
const details = async () => (await admin<Details>("GET", `/v1/operations/${code}`)).body;
const audit = async () => {
  const rows = await api.db.execute<{ action: string; person: string; details: object }>(
    sql`select action, person, details from audit where operation_code = ${code} order by id`,
  );
  return rows.map(({ action, person, details: said }) => ({ action, person, ...said }));
};
const put = (change: ReturnType<typeof sql>) =>
  api.db.execute(sql`update operations set ${change} where code = ${code}`);
describe("an operation that needs an approval", () => {
  test("waits for it, holds its credential, and says who must agree until when", async () => {
    const [opened] = await requestChanges(admin, [id]);
    expect(opened).toMatchObject({ credentialId: id, state: "awaiting-approval" });
    code = opened?.code ?? 0;
    const operation = await details();
    expect(operation).toMatchObject({
      state: "awaiting-approval",
      waitingFor: null,
      policyId: null,
      approval: {
        rule: { levels: [{ approvals: 2, approvers: [] }], expiresMinutes: 1440 },
        round: 1,
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        askedLevel: 0,
        decisions: [],
      },
    });
    const minutes = (Date.parse(operation.approval?.expiresAt ?? "") - Date.parse(operation.requestedAt)) / 60_000;
    expect(minutes).toBe(1440);
    expect(await audit()).toEqual([
      { action: "operation.requested", person: "Ada", reason: "", state: "awaiting-approval" },
    ]);
    const again = await admin<{ refused: object[] }>("POST", "/v1/password-changes", { body: { credentialIds: [id] } });
    expect(again.body.refused).toMatchObject([{ code: "credential.change-open", openCode: code }]);
    const [row] = await api.db.execute(sql`select wake_at = approval_expires_at as wakes from operations
      where code = ${code}`);
    expect(row).toEqual({ wakes: true });
  });

  test("goes on after the last of different persons agreed", async () => {
    await request({ reason: "leak" });
    expect(await decide(ben, "approve", { body: { comment: "I know of it" } })).toMatchObject({
      status: 200,
      body: { state: "awaiting-approval" },
    });
    expect(await decide(ben, "approve")).toMatchObject({ status: 409, body: { code: "approval.already-decided" } });
    const shouting = await api.as(["approver"], "BEN");
    expect(await decide(shouting, "reject")).toMatchObject({ body: { code: "approval.already-decided" } });
    expect(await decide(cleo, "approve")).toMatchObject({
      status: 200,
      body: { state: "scheduled", waitingFor: "queue", outcome: null, approval: { expiresAt: null } },
    });
    expect((await details()).approval).toMatchObject({
      askedLevel: null,
      decisions: [
        { person: "Ben", level: 0, decision: "approved", comment: "I know of it", round: 1 },
        { person: "Cleo", level: 0, decision: "approved", comment: "", round: 1 },
      ],
    });
    expect(await audit()).toMatchObject([
      { action: "operation.requested" },
      { action: "operation.approved", person: "Ben", level: 0, round: 1, comment: "I know of it" },
      { action: "operation.approved", person: "Cleo", level: 0, round: 1 },
      { action: "operation.scheduled", person: "Cleo" },
    ]);
    expect(await decide(cleo, "reject")).toMatchObject({
      status: 409,
      body: { code: "operation.state", state: "scheduled" },
    });
  });

  test("keeps the time it was requested for, and is due at once when that is over", async () => {
    await needApprovals(api.db, 1);
    await request({ scheduledFor: "2099-01-01T00:00:00Z" });
    expect((await decide(ben, "approve")).body).toMatchObject({
      waitingFor: "time",
      dueAt: "2099-01-01T00:00:00.000Z",
    });
    await admin("POST", `/v1/operations/${code}/cancel`);
    await request();
    await put(sql`scheduled_for = now() - interval '1 day', due_at = now() - interval '1 day'`);
    const { body } = await decide(ben, "approve");
    expect(body.waitingFor).toBe("queue");
    expect(Date.now() - Date.parse(body.dueAt)).toBeLessThan(60_000);
  });

  test("is not decided by whoever requested it, in any case, nor without the role", async () => {
    await request();
    const requester = await api.as(["approver"], "aDA");
    const operator = await api.as(["operator"], "Olga");
    for (const decision of ["approve", "reject"] as const) {
      expect(await decide(requester, decision)).toMatchObject({ status: 403, body: { code: "approval.own-request" } });
      expect(await decide(operator, decision)).toMatchObject({ status: 403, body: { code: "permission.denied" } });
    }
    expect((await details()).approval?.decisions).toEqual([]);
  });

  test("is canceled by one rejection, and frees its credential", async () => {
    await request();
    await decide(ben, "approve");
    expect(await decide(cleo, "reject", { body: { comment: "not in December" } })).toMatchObject({
      status: 200,
      body: { state: "canceled", outcome: "approval.rejected" },
    });
    expect((await details()).approval?.decisions).toMatchObject([
      { decision: "approved" },
      { person: "Cleo", decision: "rejected", comment: "not in December" },
    ]);
    expect((await audit()).map(({ action }) => action)).toEqual([
      "operation.requested",
      "operation.approved",
      "operation.rejected",
      "operation.canceled",
    ]);
    await request();
  });

  test("can be canceled by an operator", async () => {
    await request();
    expect((await admin("POST", `/v1/operations/${code}/cancel`)).body).toMatchObject({
      state: "canceled",
      outcome: null,
    });
    expect(await decide(ben, "approve")).toMatchObject({ status: 409, body: { state: "canceled" } });
  });

  test("expires when a decision comes too late, and says so", async () => {
    await request();
    await decide(ben, "approve");
    await put(sql`approval_expires_at = now() - interval '1 second'`);
    const headers = { "idempotency-key": "late" };
    for (let time = 0; time < 2; time += 1)
      expect(await decide(cleo, "approve", { headers })).toMatchObject({
        status: 409,
        body: { code: "approval.expired", state: "expired" },
      });
    expect(await details()).toMatchObject({ state: "expired", outcome: "approval.expired" });
    expect((await details()).approval?.decisions).toHaveLength(1);
    expect(await decide(cleo, "approve")).toMatchObject({ body: { code: "operation.state", state: "expired" } });
    await request();
  });

  test("refuses a body with anything else", async () => {
    await request();
    for (const body of [{ digest: "abc" }, { reason: "x" }, { comment: 5 }])
      expect((await decide(ben, "approve", { body })).status).toBe(400);
  });
});

describe("levels of a policy", () => {
  test("are asked one after another, each of its own approvers", async () => {
    const policyId = await putUnderPolicy(api.db, [
      { approvals: 1, approvers: ["ben", "Dora"] },
      { approvals: 1, approvers: ["Cleo"] },
    ]);
    await request();
    expect(await details()).toMatchObject({ policyId, approval: { askedLevel: 0, rule: { expiresMinutes: 60 } } });
    expect(await decide(cleo, "approve")).toMatchObject({ status: 403, body: { code: "approval.not-approver" } });
    expect((await decide(ben, "approve")).body.state).toBe("awaiting-approval");
    expect((await details()).approval?.askedLevel).toBe(1);
    const dora = await api.as(["approver"], "Dora");
    expect(await decide(dora, "reject")).toMatchObject({ status: 403, body: { code: "approval.not-approver" } });
    expect((await decide(cleo, "approve")).body.state).toBe("scheduled");
    expect((await details()).approval?.decisions).toMatchObject([{ level: 0 }, { level: 1 }]);
  });

  test("none at all: no approval, although the kind asks for one", async () => {
    await putUnderPolicy(api.db, []);
    expect((await requestChanges(admin, [id]))[0]?.state).toBe("scheduled");
  });
});
