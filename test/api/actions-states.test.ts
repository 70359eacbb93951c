/** Every action in every state, on one and on many: what the table accepts happens, all else is refused and changes nothing. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ActionResults } from "../../contracts/operation-actions.schema.ts";
import type { Operation } from "../../contracts/operations.schema.ts";
import {
  isOpen,
  mayAct,
  OPERATION_ACTIONS,
  OPERATION_STATES,
  type OperationAction,
  type OperationState,
} from "../../contracts/states.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";
import { needApprovals, requestChanges } from "../helpers/approvals.ts";

const BECOMES: Readonly<Record<OperationAction, OperationState>> = {
  approve: "scheduled",
  reject: "canceled",
  "run-now": "scheduled",
  cancel: "canceled",
  restart: "scheduled",
};
const CELLS = OPERATION_ACTIONS.flatMap((action) => OPERATION_STATES.map((state) => [action, state] as const));

let api: TestApi;
let admin: Ask;
let person: Ask;
let count = 0;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
  person = await api.as(["operator", "approver"], "Ben");
  await needApprovals(api.db, 1);
});
afterAll(() => api.close());

/** New operations in the state. */
async function put(state: OperationState, wanted: number): Promise<number[]> {
  count += 1;
  const { ids } = await makeCredentials(admin, wanted, `device-${count}`);
  const codes = (await requestChanges(admin, ids)).map(({ code }) => code).toSorted((a, b) => a - b);
  const open = isOpen(state);
  await api.db.execute(sql`update operations set state = ${state},
    phase = ${state === "running" ? "staged" : null}, waiting_for = ${state === "scheduled" ? "time" : null},
    open_credential_id = case when ${open} then credential_id end, wake_at = case when ${open} then now() end,
    ended_at = case when not ${open} then now() end, due_at = now() + interval '1 day'
    where code = any(${sql.param(codes)}::bigint[])`);
  return codes;
}
const rows = async (codes: readonly number[]) => [
  ...(await api.db.execute(sql`select o.*, (select count(*) from audit where operation_code = o.code) as audited,
    (select count(*) from approvals where operation_code = o.code) as decided from operations o
    where code = any(${sql.param(codes)}::bigint[]) order by code`)),
];

describe.each(CELLS)("%s of what is %s", (action, state) => {
  const accepted = mayAct(action, state);

  test("one", async () => {
    const codes = await put(state, 1);
    const before = await rows(codes);
    const { status, body } = await person<Pick<Operation, "state"> & { code: number | string }>(
      "POST",
      `/v1/operations/${codes[0]}/${action}`,
    );
    if (accepted) {
      expect({ status, state: body.state }).toEqual({ status: 200, state: BECOMES[action] });
      expect((await rows(codes))[0]).toMatchObject({ state: BECOMES[action] });
      return;
    }
    expect({ status, code: body.code, state: body.state }).toEqual({ status: 409, code: "operation.state", state });
    expect(await rows(codes)).toEqual(before);
  });

  test("many, with one of each other state among them", async () => {
    const codes = await put(state, 2);
    const others = await Promise.all(
      OPERATION_STATES.filter((other) => other !== state).map(async (other) => ({
        state: other,
        code: (await put(other, 1))[0] ?? 0,
      })),
    );
    const all = [...codes.map((code) => ({ code, state })), ...others].toSorted((a, b) => a.code - b.code);
    const refused = all.filter((one) => !mayAct(action, one.state)).map(({ code }) => code);
    const before = await rows(refused);
    const { status, body } = await person<ActionResults>("POST", "/v1/operations/actions", {
      body: { action, codes: all.map(({ code }) => code).toReversed() },
    });
    expect(status).toBe(200);
    expect(body.items.map(({ code, ok, state: now, problem }) => ({ code, ok, now, why: problem?.code }))).toEqual(
      all.map(({ code, state: was }) => {
        const ok = mayAct(action, was);
        return { code, ok, now: ok ? BECOMES[action] : was, why: ok ? undefined : "operation.state" };
      }),
    );
    expect(await rows(refused)).toEqual(before);
  });
});
