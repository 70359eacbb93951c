import { parse } from "csv-parse/sync";
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { randomNumbers } from "../../bench/random-numbers.ts";
import type { AttemptCounts, AttemptPage } from "../../contracts/attempts-list.schema.ts";
import type { OperationPage } from "../../contracts/operations-list.schema.ts";
import type { Attempt } from "../../contracts/operations.schema.ts";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";
import { makeOperations, type Row } from "../helpers/operation-rows.ts";

type Page = z.infer<typeof OperationPage>;
type Attempts = z.infer<typeof AttemptPage>;

const SEED = Math.floor(Math.random() * 2 ** 31);

let api: TestApi;
let ask: Ask;
let rows: Row[];
beforeAll(async () => {
  api = await openTestApi();
  ask = await api.as(["viewer"]);
  rows = await makeOperations(api.db, 2500, randomNumbers(SEED));
});
afterAll(() => api.close());

const codesOf = (list: readonly Row[]) => list.map(({ code }) => code).toSorted((a, b) => b - a);

describe(`what else a list tells, seed ${SEED}`, () => {
  test("details are of the latest attempt; without one they are null; progress is null while nobody answers", async () => {
    const { body } = await ask<Page>("GET", "/v1/operations?limit=200&include=details,progress");
    for (const item of body.items) {
      if (item.attempts === 0) expect(item.details).toBeNull();
      else expect(item.details).toMatchObject({ plugin: "plain", worker: "worker", detail: `said ${item.code}` });
      expect(item.progress).toBeNull();
    }
    const failed = body.items.find(({ details }) => details?.outcome === "auth.rejected");
    expect(failed?.details?.message).toContain(".");
    const plain = await ask<Page>("GET", "/v1/operations?limit=1");
    expect(Object.keys(plain.body.items[0] ?? {})).not.toContain("details");
    expect(plain.body).not.toHaveProperty("total");
  });

  test("a cursor belongs to its filters and its sort", async () => {
    const { body } = await ask<Page>("GET", "/v1/operations?limit=2&site=fra");
    const cursor = body.nextCursor ?? "";
    expect((await ask("GET", `/v1/operations?limit=9&site=fra&include=details&cursor=${cursor}`)).status).toBe(200);
    const [mark] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[];
    const forged = Buffer.from(JSON.stringify([mark, "1; drop", 5])).toString("base64url");
    for (const query of [
      `site=lon&cursor=${cursor}`,
      `site=fra&sort=code&cursor=${cursor}`,
      `site=fra&cursor=${forged}`,
    ])
      expect(await ask("GET", `/v1/operations?${query}`), query).toMatchObject({
        status: 400,
        body: { code: "request.invalid", errors: [{ field: "cursor" }] },
      });
  });

  test("a filter that is none is refused by name", async () => {
    for (const [query, field] of [
      ["colour=red", "querystring"],
      ["state=lost", "state.0"],
      ["scheduledFrom=yesterday", "scheduledFrom"],
      ["sort=name", "sort"],
      ["username=", "username.0"],
      ["include=everything", "include.0"],
    ])
      expect(await ask("GET", `/v1/operations?${query}`), query).toMatchObject({
        status: 400,
        body: { errors: [{ field }] },
      });
  });

  test("counts beyond 10,000 are capped", async () => {
    await api.db.execute(sql`
      insert into operations (kind, state, started_run, credential_id, device_id, target_id, site, trigger, requested_by)
      select kind, 'canceled', 1, credential_id, device_id, target_id, site, 'request', 'many'
      from operations, generate_series(1, 10) where code <= 1100`);
    const total = async (query: string) =>
      (await ask<Page>("GET", `/v1/operations?limit=1&count=capped&${query}`)).body.total;
    expect(await total("requester=many")).toEqual({ count: 10_000, capped: true });
    expect(await total("state=canceled")).toEqual({ count: 10_000, capped: true });
    const running = rows.filter(({ state }) => state === "running").length;
    expect(await total("state=running&state=running")).toEqual({ count: running, capped: false });
    await api.db.execute(sql`delete from operations where requested_by = 'many'`);
  });
});

describe(`the export, seed ${SEED}`, () => {
  const exportOf = async (query: string) => {
    const { status, headers, body } = await ask<string>("GET", `/v1/operations.csv?${query}`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/csv; charset=utf-8");
    return parse(body, { columns: true }) as Record<string, string>[];
  };

  test("holds every operation that matches, in the order of the sort", async () => {
    const all = await exportOf("");
    expect(all.map(({ code }) => Number(code))).toEqual(codesOf(rows));
    const some = await exportOf("site=fra&state=error&sort=code");
    const wanted = rows.filter(({ site, state }) => site === "fra" && state === "error");
    expect(some.map(({ code }) => Number(code))).toEqual(codesOf(wanted).toReversed());
    expect(some[0]).toMatchObject({
      kind: expect.any(String),
      username: expect.any(String),
      requestedAt: expect.stringContaining("T"),
    });
    expect(await exportOf("code=999999")).toEqual([]);
  });

  test("a name that a spreadsheet would calculate stays a name", async () => {
    await api.db.execute(sql`update target_snapshots set username = '=1+1' where id = 1`);
    const [first] = await exportOf("username==1%2B1");
    expect(first?.["username"]).toBe("'=1+1");
    await api.db.execute(sql`update target_snapshots set username = 'root0' where id = 1`);
  });
});

describe(`attempts of all operations, seed ${SEED}`, () => {
  const readAll = async (query: string) => {
    const found: Attempts["items"] = [];
    for (let cursor: string | null = ""; cursor !== null;) {
      const url: string = `/v1/attempts?limit=199&${query}${cursor ? `&cursor=${cursor}` : ""}`;
      const { status, body }: { status: number; body: Attempts } = await ask<Attempts>("GET", url);
      expect(status, JSON.stringify(body)).toBe(200);
      found.push(...body.items);
      cursor = body.nextCursor;
    }
    return found;
  };
  const keyOf = ({ operation, number }: Attempts["items"][number]) => `${operation.code} ${number}`;
  const expected = async (condition: ReturnType<typeof sql>, order: ReturnType<typeof sql>) =>
    (
      await api.db.execute<{ key: string }>(sql`
        select operation_code || ' ' || number as key from attempts a join operations o on o.code = a.operation_code
        join target_snapshots t on t.id = o.target_id where ${condition} order by ${order}`)
    ).map(({ key }) => key);
  const LATEST = sql`a.started_at desc, a.operation_code desc, a.number desc`;

  test("one row each, latest first or last", async () => {
    expect((await readAll("")).map(keyOf)).toEqual(await expected(sql`true`, LATEST));
    expect((await readAll("sort=started")).map(keyOf)).toEqual(
      await expected(sql`true`, sql`a.started_at, a.operation_code, a.number`),
    );
  });

  test.for([
    ["outcome=auth.rejected", sql`a.outcome = 'auth.rejected'`],
    [
      "outcome=auth.rejected&outcome=target.timeout&site=lon",
      sql`a.outcome in ('auth.rejected', 'target.timeout') and t.site = 'lon'`,
    ],
    ["state=error&kind=user-creation", sql`o.state = 'error' and o.kind = 'user-creation'`],
    ["q=portal&requester=ada", sql`t.url ilike '%portal%' and o.requested_by ilike '%ada%'`],
    [
      "tag=PCI&device=crm&executedFrom=2026-03-20T00:00:00Z&executedTo=2026-04-01T00:00:00Z",
      sql`'pci' = any(t.tags) and t.device ilike '%crm%' and a.started_at >= '2026-03-20Z' and a.started_at < '2026-04-01Z'`,
    ],
    ["scheduledTo=2026-03-10T00:00:00Z&username=root", sql`o.due_at < '2026-03-10Z' and t.username ilike '%root%'`],
    ["username=nobody", sql`false`],
  ] as const)("filters: %s", async ([query, condition]) => {
    expect((await readAll(query)).map(keyOf)).toEqual(await expected(condition, LATEST));
  });

  test("steps have a start and an end, outcomes a sentence; the transcript is told of one operation alone", async () => {
    const steps = [{ step: "apply", startedAt: "2026-03-01T00:00:00.500Z", ms: 1250, code: "auth.rejected" }];
    const code = rows.find(({ attempts, state }) => attempts === 1 && state === "error")?.code ?? 0;
    await api.db
      .execute(sql`update attempts set steps = ${JSON.stringify(steps)}::jsonb, transcript = 'the conversation',
      template_version = 3 where operation_code = ${code}`);
    const [listed] = await readAll(`code=${code}`);
    expect(listed).toMatchObject({
      outcome: "auth.rejected",
      message: expect.stringMatching(/\w\. \w/),
      templateVersion: 3,
      steps: [
        {
          step: "apply",
          startedAt: "2026-03-01T00:00:00.500Z",
          endedAt: "2026-03-01T00:00:01.750Z",
          code: "auth.rejected",
        },
      ],
    });
    expect(listed).not.toHaveProperty("transcript");
    const { body } = await ask<{ items: Attempt[] }>("GET", `/v1/operations/${code}/attempts`);
    const { operation: _operation, ...same } = listed ?? ({} as Partial<Attempts["items"][number]>);
    expect(body.items[0]).toMatchObject({ ...same, transcript: "the conversation" });
  });

  test("counts by outcome and by device agree with the rows", async () => {
    const within = "from=2026-03-05T00:00:00Z&to=2026-04-20T00:00:00Z";
    const counted = async (by: string) =>
      (await ask<AttemptCounts>("GET", `/v1/attempts/counts?by=${by}&${within}`)).body.items;
    const during = sql`a.started_at >= '2026-03-05Z' and a.started_at < '2026-04-20Z'`;
    const all = await readAll("executedFrom=2026-03-05T00:00:00Z&executedTo=2026-04-20T00:00:00Z");
    expect(all.length).toBe((await expected(during, LATEST)).length);
    const outcomes = await counted("outcome");
    for (const { outcome, attempts } of outcomes)
      expect(attempts).toBe(all.filter((each) => each.outcome === outcome).length);
    const devices = await counted("device");
    for (const { device, attempts, succeeded, failed } of devices) {
      const theirs = all.filter(({ operation }) => operation.deviceId === device?.id);
      expect({ attempts, succeeded, failed }).toEqual({
        attempts: theirs.length,
        succeeded: theirs.filter(({ outcome }) => outcome === "change.succeeded").length,
        failed: theirs.filter(({ outcome }) => outcome !== "change.succeeded" && outcome !== null).length,
      });
    }
    for (const items of [outcomes, devices])
      expect(items.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(all.length);
    for (const to of ["2026-06-01T00:00:00Z", "2025-12-31T00:00:00Z"])
      expect(await ask("GET", `/v1/attempts/counts?by=device&from=2026-01-01T00:00:00Z&to=${to}`)).toMatchObject({
        status: 400,
        body: { errors: [{ field: "to" }] },
      });
  });

  test("a template that ran and a password that was found right are no failures", async () => {
    await api.db.execute(sql`with picked as (select operation_code, number, row_number() over () as place from attempts
        where ended_at is not null limit 4)
      update attempts a set started_at = '2020-01-02Z', outcome = (array['job.done', 'verify.accepted',
        'verify.must-change', 'verify.rejected'])[picked.place]
      from picked where (a.operation_code, a.number) = (picked.operation_code, picked.number)`);
    const { body } = await ask<AttemptCounts>(
      "GET",
      "/v1/attempts/counts?by=outcome&from=2020-01-01T00:00:00Z&to=2020-01-03T00:00:00Z",
    );
    const failed = body.items.filter((each) => each.failed > 0).map(({ outcome }) => outcome);
    expect(body.items.length).toBe(4);
    expect(failed).toEqual(["verify.rejected"]);
    expect(body.items.reduce((sum, each) => sum + each.succeeded, 0)).toBe(3);
  });
});
