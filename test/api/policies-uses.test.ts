/** What makes a policy change a password besides its age, and what stops a policy: over the API. */
import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { Policy, Site } from "../../contracts/policies.schema.ts";
import { newId } from "../../db/new-id.ts";
import { pausedOperations } from "../../db/queries/pauses.ts";
import { audit, credentials, operations, secretVersions } from "../../db/schema/index.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";

let api: TestApi;
let admin: Ask;
let operator: Ask;
let custodian: Ask;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"]);
  operator = await api.as(["operator"], "Otto");
  custodian = await api.as(["custodian"], "Cora");
  const body = { name: "uses", firstChange: "automatic", afterViewMinutes: 30, afterSessionMinutes: 20 };
  await admin("POST", "/v1/policies", { body });
});
afterAll(() => api.close());

let count = 0;
const makeOne = async (): Promise<string> => (await makeCredentials(admin, 1, `one-${(count += 1)}`)).ids[0] ?? "";
const show = async (id: string) => (await admin<Credential>("GET", `/v1/credentials/${id}`)).body;
const minutesAhead = (at: string | null) => Math.round((Date.parse(at ?? "") - Date.now()) / 60_000);
const reveal = (id: string, version?: number) =>
  custodian("POST", `/v1/credentials/${id}/reveal`, { body: { reason: "needed", ...(version ? { version } : {}) } });

describe("a view", () => {
  test("the first of the present password starts the time, others do not, and a request ends it", async () => {
    const id = await makeOne();
    expect(await show(id)).toMatchObject({ viewedAt: null, nextChangeAt: null });
    expect((await reveal(id)).status).toBe(200);
    const seen = await show(id);
    expect([seen.nextTrigger, minutesAhead(seen.nextChangeAt)]).toEqual(["view", 30]);
    await reveal(id);
    expect(await show(id)).toMatchObject({ viewedAt: seen.viewedAt, nextChangeAt: seen.nextChangeAt });
    await operator("POST", "/v1/password-changes", { body: { credentialIds: [id] } });
    expect(await show(id)).toMatchObject({ viewedAt: null, nextChangeAt: null });
  });

  test("of a version that is not current does not count", async () => {
    const id = await makeOne();
    await api.db.insert(secretVersions).values({
      id: newId(),
      credentialId: id,
      version: 2,
      status: "previous",
      origin: "stored",
      sealed: null,
    });
    expect((await reveal(id, 2)).status).toBe(404);
    await admin("PUT", `/v1/credentials/${id}/password`, { body: { password: "another" } });
    expect((await reveal(id, 1)).status).toBe(200);
    expect(await show(id)).toMatchObject({ viewedAt: null });
  });

  test("that waited for a promotion counts for what was current when it was seen, and no more is", async () => {
    const id = await makeOne();
    let asked: ReturnType<typeof reveal> | undefined;
    await api.db.transaction(async (tx) => {
      await tx.update(secretVersions).set({ status: "previous" }).where(eq(secretVersions.credentialId, id));
      await tx
        .update(credentials)
        .set({ changedAt: sql`now()`, viewedAt: null })
        .where(eq(credentials.id, id));
      asked = reveal(id);
      for (;;) {
        const [row] = await api.db.execute<{ n: number }>(sql`
          select count(*)::int as n from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock' and query like '%for no key update%'`);
        if (row?.n === 1) break;
      }
    });
    expect((await asked)?.status).toBe(200);
    expect(await show(id)).toMatchObject({ viewedAt: null });
  });
});

describe("a session that ended", () => {
  const tell = (id: string, body: object = {}) =>
    operator<Credential>("POST", `/v1/credentials/${id}/session-ended`, { body });

  test("starts the time with the earliest end since the change", async () => {
    const id = await makeOne();
    const { body } = await tell(id, { endedAt: new Date(Date.now() - 5 * 60_000).toISOString() });
    expect([body.nextTrigger, minutesAhead(body.nextChangeAt)]).toEqual(["session", 15]);
    expect((await tell(id)).body).toMatchObject({ sessionEndedAt: body.sessionEndedAt });
    const earlier = (await tell(id, { endedAt: new Date(Date.now() - 8 * 60_000).toISOString() })).body;
    expect(minutesAhead(earlier.nextChangeAt)).toBe(12);
    const rows = await api.db.select().from(audit).where(eq(audit.objectId, id));
    expect(rows.filter(({ action }) => action === "credential.session-ended")).toHaveLength(3);
  });

  test("before the latest change is of another password; in the future it is refused", async () => {
    const id = await makeOne();
    await api.db
      .update(credentials)
      .set({ changedAt: sql`now()` })
      .where(eq(credentials.id, id));
    const before = await tell(id, { endedAt: new Date(Date.now() - 60_000).toISOString() });
    expect(before.body).toMatchObject({ sessionEndedAt: null, nextChangeAt: null });
    const later = await tell(id, { endedAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect([later.status, later.body]).toMatchObject([400, { code: "request.invalid" }]);
    expect((await tell("01900000-0000-7000-8000-00000000abcd")).status).toBe(404);
    expect((await custodian("POST", `/v1/credentials/${id}/session-ended`)).status).toBe(403);
  });
});

describe("the end of a password's time", () => {
  test("is set for many; each that no policy changes says why", async () => {
    const { ids } = await makeCredentials(admin, 4, `many-${(count += 1)}`);
    const [good = "", off = "", inactive = "", byHand = ""] = ids;
    const tomorrow = new Date(Date.now() + 86_400_000);
    await api.db.update(credentials).set({ automaticNotBefore: tomorrow }).where(eq(credentials.id, good));
    await api.db.update(credentials).set({ automaticChange: false }).where(eq(credentials.id, off));
    await api.db.update(credentials).set({ active: false }).where(eq(credentials.id, inactive));
    await api.db.update(credentials).set({ policyId: null }).where(eq(credentials.id, byHand));
    const nobody = "01900000-0000-7000-8000-00000000abcd";
    const { status, body } = await operator("POST", "/v1/credentials/expire", {
      body: { credentialIds: [...ids, nobody], reason: "leaked" },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      expired: [good],
      refused: [
        { credentialId: off, code: "credential.not-automatic" },
        { credentialId: inactive, code: "credential.inactive" },
        { credentialId: byHand, code: "credential.no-policy" },
        { credentialId: nobody, code: "credential.not-found" },
      ],
    });
    const expired = await show(good);
    expect(expired).toMatchObject({ nextTrigger: "age", nextChangeAt: expired.expiredAt });
    for (const id of [off, inactive, byHand]) expect(await show(id)).toMatchObject({ expiredAt: null });
  });

  test("takes 10,000 in one request", async () => {
    const { deviceId } = await makeCredentials(admin, 0, `huge-${(count += 1)}`);
    await api.db.execute(sql`
      insert into credentials (id, device_id, plugin, username, automatic_change, policy_id)
      select gen_random_uuid(), ${deviceId}, 'plain', 'mass' || n, true, (select id from policies limit 1)
      from generate_series(1, 10000) as n`);
    const rows = await api.db
      .select({ id: credentials.id })
      .from(credentials)
      .where(eq(credentials.deviceId, deviceId));
    const { body } = await operator<{ expired: string[] }>("POST", "/v1/credentials/expire", {
      body: { credentialIds: rows.map(({ id }) => id) },
    });
    expect(body.expired).toHaveLength(10_000);
  });
});

describe("a cool-down", () => {
  const open = async (trigger: "view" | "request"): Promise<{ id: string; code: number }> => {
    const id = await makeOne();
    const { body } = await operator<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
      body: { credentialIds: [id] },
    });
    const code = body.operations[0]?.code ?? 0;
    await api.db.update(operations).set({ trigger }).where(eq(operations.code, code));
    return { id, code };
  };

  test("follows the cancelling of an automatic change, not of a requested one", async () => {
    const automatic = await open("view");
    const requested = await open("request");
    for (const { code } of [automatic, requested])
      expect((await operator("POST", `/v1/operations/${code}/cancel`)).status).toBe(200);
    expect(minutesAhead((await show(automatic.id)).automaticNotBefore)).toBe(1440);
    expect((await show(requested.id)).automaticNotBefore).toBeNull();
  });
});

describe("a pause", () => {
  test("of a policy has its reason, is audited, and ends with a clean count of errors", async () => {
    const { body: made } = await admin<Policy>("POST", "/v1/policies", { body: { name: "to be paused" } });
    const act = (action: string, body?: object) =>
      admin<Policy>("POST", `/v1/policies/${made.id}/${action}`, body ? { body } : {});
    expect((await act("pause", {})).status).toBe(400);
    const paused = await act("pause", { reason: "migration" });
    expect(paused.body).toMatchObject({ paused: true, pausedReason: "migration", revision: made.revision });
    expect(paused.body.pausedAt).not.toBeNull();
    const { body: page } = await admin<{ items: Policy[] }>("GET", "/v1/policies?paused=true");
    expect(page.items.map(({ id }) => id)).toEqual([made.id]);
    await api.db.execute(sql`update policy_states set errors_in_a_row = 10, error_code = 'target.timeout'
      where policy_id = ${made.id}`);
    expect((await act("resume")).body).toEqual(made);
    const rows = await api.db.select().from(audit).where(eq(audit.objectId, made.id));
    expect(rows.map(({ action }) => action)).toEqual(["policy.created", "policy.paused", "policy.resumed"]);
    expect((await operator("POST", `/v1/policies/${made.id}/pause`, { body: { reason: "x" } })).status).toBe(403);
  });

  test("of a site, which must be one that a device names", async () => {
    await admin("POST", "/v1/devices", { body: { name: "far", address: "far.example", site: "far" } });
    const paused = await admin<Site>("POST", "/v1/sites/far/pause", { body: { reason: "link is down" } });
    const site = { name: "far", devices: 1, credentials: 0, paused: true, pausedReason: "link is down" };
    expect(paused.body).toMatchObject(site);
    const { body } = await admin<{ items: Site[] }>("GET", "/v1/sites");
    expect(body.items.map(({ name, paused: is }) => [name, is])).toEqual([
      ["default", false],
      ["far", true],
    ]);
    expect((await admin<Site>("POST", "/v1/sites/far/resume")).body).toMatchObject({ paused: false, pausedAt: null });
    expect((await admin("POST", "/v1/sites/nowhere/pause", { body: { reason: "x" } })).status).toBe(404);
    expect((await admin("POST", "/v1/sites/No%20Where/pause", { body: { reason: "x" } })).status).toBe(400);
  });

  test("that ends wakes what waits for it there, and nothing else", async () => {
    const waits = async (site: string, policyId: string | null) => {
      const id = await makeOne();
      const { body } = await operator<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
        body: { credentialIds: [id] },
      });
      const code = body.operations[0]?.code ?? 0;
      await api.db.update(operations).set({ site, policyId, waitingFor: "pause" }).where(eq(operations.code, code));
      return code;
    };
    const { body: policy } = await admin<Policy>("POST", "/v1/policies", { body: { name: "waited for" } });
    const codes = [
      await waits("here", policy.id),
      await waits("here", null),
      await waits("there", policy.id),
      await waits("there", null),
    ];
    const woken = async (scope: Parameters<typeof pausedOperations>[1]) => {
      const found: number[] = [];
      for await (const page of pausedOperations(api.db, scope))
        found.push(...page.map(({ code }) => codes.indexOf(code)));
      return found;
    };
    expect(await woken({ policyId: policy.id })).toEqual([0, 2]);
    expect(await woken({ site: "here" })).toEqual([0, 1]);
    expect(await woken({})).toEqual([0, 1, 2, 3]);
  });
});
