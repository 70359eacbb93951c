import { setTimeout } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { OperationCounts } from "../../contracts/operations-list.schema.ts";
import type { ChangesAccepted, Operation } from "../../contracts/operations.schema.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import { OPERATION_STATES } from "../../contracts/states.ts";
import { stage } from "../../db/queries/stage.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let operator: Ask;
let id: string;
let code: number;
let count = 0;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
  operator = await api.as(["operator"], "Olga");
});
beforeEach(async () => {
  count += 1;
  id = (await makeCredentials(admin, 1, `device-${count}`)).ids[0] ?? "";
  code = await request();
});
afterAll(() => api.close());

async function request(more: object = {}): Promise<number> {
  const { body } = await operator<ChangesAccepted>("POST", "/v1/password-changes", {
    body: { credentialIds: [id], ...more },
  });
  return body.operations[0]?.code ?? 0;
}
const act = (action: string, body?: object) =>
  operator<Operation & { code: number | string; openCode?: number }>(
    "POST",
    `/v1/operations/${code}/${action}`,
    body ? { body } : {},
  );
const put = (change: ReturnType<typeof sql>) =>
  api.db.execute(sql`update operations set ${change} where code = ${code}`);
const row = async () => {
  const [found] = await api.db.execute(sql`select state, run, started_run, run_attempts, refusals, probes, priority,
    open_credential_id is not null as open, waiting_for, wake_at is not null as wakes, ended_at is not null as ended,
    due_at <= now() as due from operations where code = ${code}`);
  return found;
};
/** Takes the operation as the worker does. */
const take = () =>
  stage(api.db, {
    code,
    run: 1,
    worker: "test",
    settings: Settings.parse({}),
    changeMs: 60_000,
    prepare: () => ({ seal: () => Buffer.from("sealed") }),
  });

describe("cancel", () => {
  test("ends a waiting operation and frees its credential", async () => {
    expect((await act("cancel")).body).toMatchObject({ state: "canceled" });
    expect(await row()).toMatchObject({ open: false, wakes: false, ended: true, waiting_for: null });
    expect(await request()).toBeGreaterThan(code);
    const [audit] = await api.db.execute(
      sql`select person from audit where operation_code = ${code} and action = 'operation.canceled'`,
    );
    expect(audit).toEqual({ person: "Olga" });
  });

  test("is refused in every state that does not wait, with the present state", async () => {
    for (const state of OPERATION_STATES.filter((each) => each !== "scheduled" && each !== "awaiting-approval")) {
      await put(sql`state = ${state}`);
      expect(await act("cancel")).toMatchObject({ status: 409, body: { code: "operation.state", state } });
    }
    await put(sql`state = 'awaiting-approval'`);
    expect((await act("cancel")).status).toBe(200);
    expect(await operator("POST", "/v1/operations/999999/cancel")).toMatchObject({ status: 404 });
  });

  test("against the worker's claim: exactly one wins, each time", async () => {
    for (let round = 0; round < 20; round += 1) {
      // A few milliseconds to either side, so that both win now and then.
      const [canceled, staged] = await Promise.all([
        setTimeout(round % 2 === 0 ? 0 : round).then(() => act("cancel")),
        setTimeout(round % 2 === 0 ? round : 0).then(() => take()),
      ]);
      const { state } = (await row()) as { state: string };
      if (canceled.status === 200)
        expect({ state, staged: staged.kind }).toEqual({ state: "canceled", staged: "not-yours" });
      else
        expect({ status: canceled.status, state, staged: staged.kind }).toEqual({
          status: 409,
          state: "running",
          staged: "staged",
        });
      const [versions] = await api.db.execute(sql`select count(*)::int as candidates from secret_versions
        where credential_id = ${id} and status = 'candidate'`);
      expect(versions).toEqual({ candidates: state === "running" ? 1 : 0 });
      await put(sql`state = 'canceled', open_credential_id = null`);
      await api.db.execute(
        sql`update secret_versions set status = 'discarded' where credential_id = ${id} and status = 'candidate'`,
      );
      await api.db.execute(sql`update attempts set permit = false, ended_at = now() where operation_code = ${code}`);
      code = await request();
    }
  });

  test("is refused while a sent password is kept; one that was never sent goes", async () => {
    await take();
    await put(sql`state = 'scheduled', phase = null`);
    await api.db.execute(sql`update attempts set sent_at = now() where operation_code = ${code}`);
    expect(await act("cancel")).toMatchObject({ status: 409, body: { code: "operation.unresolved" } });
    expect(await row()).toMatchObject({ state: "scheduled", open: true });
    await api.db.execute(sql`update attempts set sent_at = null where operation_code = ${code}`);
    expect((await act("cancel")).status).toBe(200);
    const left = await api.db.execute(
      sql`select status, sealed from secret_versions where credential_id = ${id} order by version desc limit 1`,
    );
    expect([...left]).toEqual([{ status: "discarded", sealed: null }]);
  });

  test("hands a granted permit to the next that waits for the device", async () => {
    await put(sql`waiting_for = 'device', permit_granted_at = now()`);
    await api.db.execute(
      sql`update devices set permits = 1 where id = (select device_id from operations where code = ${code})`,
    );
    const first = code;
    const { body: other } = await admin<{ id: string }>("POST", "/v1/credentials", {
      body: {
        deviceId: (await admin<Operation>("GET", `/v1/operations/${first}`)).body.deviceId,
        plugin: "plain",
        username: "second",
        automaticChange: true,
        password: "p",
      },
    });
    id = other.id;
    code = await request();
    await put(sql`waiting_for = 'device'`);
    const second = code;
    code = first;
    expect((await act("cancel")).status).toBe(200);
    const [granted] = await api.db.execute(
      sql`select permit_granted_at is not null as granted from operations where code = ${second}`,
    );
    expect(granted).toEqual({ granted: true });
  });
});

describe("restart", () => {
  const end = (credential = sql`null::uuid`) =>
    put(sql`state = 'error', outcome = 'target.timeout', open_credential_id = ${credential}, ended_at = now(), wake_at = null,
      waiting_for = null, run_attempts = 3, refusals = 2, probes = 4, started_run = 1`);

  test("is a new run with a fresh allowance", async () => {
    await end();
    expect((await act("restart")).body).toMatchObject({ state: "scheduled", run: 2, waitingFor: "queue" });
    expect(await row()).toMatchObject({
      started_run: 1,
      run_attempts: 0,
      refusals: 0,
      probes: 0,
      open: true,
      wakes: true,
      ended: false,
      due: true,
    });
    expect(await act("restart", {})).toMatchObject({
      status: 409,
      body: { code: "operation.state", state: "scheduled" },
    });
  });

  test("can be due later", async () => {
    await end();
    const { body } = await act("restart", { scheduledFor: "2099-01-01T00:00:00Z" });
    expect(body).toMatchObject({ waitingFor: "time", dueAt: "2099-01-01T00:00:00.000Z" });
  });

  test("is refused while another change of the credential is open, and names it", async () => {
    await end();
    const open = await request();
    expect(await act("restart", {})).toMatchObject({
      status: 409,
      body: { code: "credential.change-open", openCode: open },
    });
    expect(await row()).toMatchObject({ state: "error", run: 1 });
  });

  test("of two operations of one credential at once, one wins", async () => {
    for (let round = 0; round < 5; round += 1) {
      await end();
      const first = code;
      code = await request();
      await end();
      const answers = await Promise.all(
        [first, code].map((each) =>
          operator<{ code: unknown }>("POST", `/v1/operations/${each}/restart`, { body: {} }),
        ),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(1);
      code = answers[0]?.status === 200 ? first : code;
    }
  });

  test("resolves its own doubt and no other operation's", async () => {
    const doubt = (operation: number) =>
      api.db
        .execute(sql`insert into secret_versions (id, credential_id, version, status, sealed, origin, operation_code)
        values (gen_random_uuid(), ${id}, (select max(version) + 1 from secret_versions where credential_id = ${id}), 'doubtful', 'x', 'generated', ${operation})`);
    await end();
    await doubt(code);
    expect((await act("restart", {})).status).toBe(200);
    await end();
    await api.db.execute(sql`update secret_versions set operation_code = 0 where status = 'doubtful'`);
    expect(await act("restart", {})).toMatchObject({ status: 409, body: { code: "credential.attention" } });
  });
});

describe("run-now", () => {
  test("drops the wait for time and keeps the wait for the device", async () => {
    await act("cancel");
    code = await request({ scheduledFor: "2099-01-01T00:00:00Z" });
    expect((await act("run-now")).body).toMatchObject({ priority: 1, waitingFor: "queue" });
    expect(await row()).toMatchObject({ due: true, wakes: true, priority: 1 });
    await put(sql`waiting_for = 'device', priority = 2`);
    expect((await act("run-now")).body).toMatchObject({ priority: 1, waitingFor: "device" });
  });

  test("is refused for what runs or has ended", async () => {
    for (const state of OPERATION_STATES.filter((each) => each !== "scheduled")) {
      await put(sql`state = ${state}`);
      expect(await act("run-now")).toMatchObject({ status: 409, body: { code: "operation.state", state } });
    }
  });
});

describe("reading", () => {
  const codes = async (query: string) =>
    (await operator<{ items: { code: number }[] }>("GET", `/v1/operations?${query}`)).body.items.map(
      (item) => item.code,
    );

  test("filters narrow, several values of one widen", async () => {
    const mine = `credentialId=${id}`;
    await act("cancel");
    const second = await request();
    expect(await codes(mine)).toEqual([second, code]);
    expect(await codes(`${mine}&state=canceled`)).toEqual([code]);
    expect(await codes(`${mine}&state=canceled&state=scheduled`)).toEqual([second, code]);
    expect(await codes(`${mine}&code=${code}&code=999999`)).toEqual([code]);
    expect(await codes(`${mine}&device=DEVICE-${count}&username=USER0&requester=olg&kind=change-password`)).toEqual([
      second,
      code,
    ]);
    expect(await codes(`${mine}&username=nobody`)).toEqual([]);
    expect(await codes(`${mine}&device=%25`)).toEqual([]);
    expect((await operator("GET", "/v1/operations?state=lost")).status).toBe(400);
  });

  test("pages hold every operation once while new ones come", async () => {
    const seen: number[] = [];
    let url: string | undefined = "/v1/operations?limit=4";
    const before = await codes("limit=200");
    while (url) {
      const page: { items: { code: number }[]; nextCursor: string | null } = (await operator<typeof page>("GET", url))
        .body;
      seen.push(...page.items.map((item) => item.code));
      await act("cancel");
      code = await request();
      url = page.nextCursor ? `/v1/operations?limit=4&cursor=${page.nextCursor}` : undefined;
    }
    expect(seen).toEqual(before);
  });

  test("details hold the attempts; without a workflow, progress is null", async () => {
    await take();
    const { body } = await operator<{ attemptList: object[]; progress: null }>("GET", `/v1/operations/${code}`);
    expect(body).toMatchObject({ state: "running", phase: "staged", attempts: 1, progress: null });
    expect(body.attemptList).toMatchObject([
      { number: 1, run: 1, plugin: "plain", worker: "test", secretVersion: 2, sentAt: null },
    ]);
    expect((await operator<{ items: object[] }>("GET", `/v1/operations/${code}/attempts`)).body.items).toEqual(
      body.attemptList,
    );
  });

  test("counts agree with the rows", async () => {
    // Two minutes after its time an operation is overdue: what the tests before left may be, on a slow machine.
    await api.db.execute(sql`update operations set wake_at = now() where wake_at is not null`);
    const { body } = await operator<OperationCounts>("GET", "/v1/operations/counts");
    const rows = await api.db.execute<{ state: string; count: number }>(
      sql`select state, count(*)::int as count from operations group by 1`,
    );
    for (const state of OPERATION_STATES)
      expect(body[state]).toBe(rows.find((found) => found.state === state)?.count ?? 0);
    const metrics = (await api.app.inject("/metrics")).body;
    expect(metrics).toContain(`keyturn_operations{state="scheduled"} ${body.scheduled}`);
    expect(metrics).toContain("keyturn_operations_overdue 0");
    expect(metrics).toMatch(
      /keyturn_http_request_seconds_count\{method="GET",route="\/v1\/operations\/counts",status="200"\} 1/,
    );
  });
});
