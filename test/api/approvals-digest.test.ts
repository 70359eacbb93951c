import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import type { OperationDetails } from "../../contracts/operations.schema.ts";
import { approvalDigest } from "../../db/queries/approval-digest.ts";
import { readApprovalDigests } from "../../db/queries/approval-facts.ts";
import { readParties } from "../../db/queries/stage-facts.ts";
import { type Ask, makeCredentials, openTestApi, type TestApi } from "../helpers/api.ts";
import { decide as decideAs, type Decision, needApprovals, requestChanges } from "../helpers/approvals.ts";

type Details = z.infer<typeof OperationDetails>;

let api: TestApi;
let admin: Ask;
let ben: Ask;
let cleo: Ask;
let deviceId: string;
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
  const made = await makeCredentials(admin, 1, `approved-${count}`);
  deviceId = made.deviceId;
  id = made.ids[0] ?? "";
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
const editDevice = async (patch: object) => {
  const { headers } = await admin("GET", `/v1/devices/${deviceId}`);
  const answer = await admin("PATCH", `/v1/devices/${deviceId}`, {
    body: patch,
    headers: { "if-match": String(headers["etag"]) },
  });
  expect(answer.status).toBe(200);
};

describe("what was approved", () => {
  test("is what was looked at: another digest is refused, and changes nothing", async () => {
    await request();
    const digest = (await details()).approval?.digest ?? "";
    expect(await decide(ben, "approve", { body: { digest: "0".repeat(64) } })).toMatchObject({
      status: 409,
      body: { code: "approval.changed", state: "awaiting-approval" },
    });
    expect((await details()).approval).toMatchObject({ round: 1, decisions: [] });
    expect((await decide(ben, "approve", { body: { digest } })).status).toBe(200);
  });

  test("is asked for again when it changed since, and earlier approvals do not count", async () => {
    await request();
    const before = (await details()).approval;
    await decide(ben, "approve");
    await put(sql`approval_expires_at = approval_expires_at - interval '1 hour'`);
    await editDevice({ address: "elsewhere.example" });
    expect(await decide(cleo, "approve")).toMatchObject({
      status: 409,
      body: { code: "approval.changed", state: "awaiting-approval" },
    });
    const after = (await details()).approval;
    expect(after).toMatchObject({ round: 2, askedLevel: 0, decisions: [{ person: "Ben", round: 1 }] });
    expect(after?.digest).not.toBe(before?.digest);
    expect(Date.parse(after?.expiresAt ?? "")).toBeGreaterThan(Date.parse(before?.expiresAt ?? ""));
    expect((await decide(cleo, "approve")).body.state).toBe("awaiting-approval");
    expect((await decide(ben, "approve")).body.state).toBe("scheduled");
    expect(await audit()).toMatchObject([
      {},
      { action: "operation.approved", round: 1 },
      { action: "operation.awaiting-approval", round: 2 },
      { action: "operation.approved", round: 2 },
      { action: "operation.approved", round: 2 },
      { action: "operation.scheduled" },
    ]);
  });

  test.each<[string, (other: string) => Promise<unknown>]>([
    ["the device's settings", () => editDevice({ settings: { plain: { tls: true } } })],
    ["the host key", () => api.db.execute(sql`update devices set pinned_identity = 'SHA256:x' where id = ${deviceId}`)],
    ["the user name", () => api.db.execute(sql`update credentials set username = 'else' where id = ${id}`)],
    [
      "the account that logs in",
      (other) =>
        api.db.execute(sql`update credentials set use_own_credential = false, authentication_credential_id = ${other}
          where id = ${id}`),
    ],
  ])("is not what is there after an edit of %s", async (_what, edit) => {
    const other = (await makeCredentials(admin, 1, `other-${count}`)).ids[0] ?? "";
    await request();
    await edit(other);
    expect((await decide(ben, "approve")).body.code).toBe("approval.changed");
    // A rejection is one, whatever it was that is rejected.
    expect((await decide(ben, "reject")).body.state).toBe("canceled");
  });

  test("is still approved after an edit of anything else", async () => {
    await request();
    await editDevice({ tags: ["new"], model: "M2" });
    await api.db.execute(sql`update devices set settings = '{"other": {"tls": true}}' where id = ${deviceId}`);
    expect((await decide(ben, "approve")).status).toBe(200);
  });

  test.each(["change-password", "reconcile-password"] as const)(
    "is read by the requests as by stage: %s",
    async (kind) => {
      const none = { parameters: {}, loginCredentialId: null, deviceId: "" };
      const other = (await makeCredentials(admin, 1, `second-${count}`)).ids[0] ?? "";
      await editDevice({ settings: { plain: { tls: true } } });
      const digests = new Set<string>();
      for (const change of [
        sql`use_own_credential = true`,
        sql`use_own_credential = false, authentication_credential_id = ${other}`,
        sql`reconciliation_credential_id = ${other}, reconciliation_plugin = 'linux'`,
      ]) {
        await api.db.execute(sql`update credentials set ${change} where id = ${id}`);
        const [asked, staged] = await api.db.transaction(async (tx) => [
          (await readApprovalDigests(tx, kind, [id])).get(id),
          await readParties(tx, { credentialId: id, kind, policyId: null, templateId: null, ...none }),
        ]);
        expect(asked).toBeDefined();
        if (staged) expect(asked).toBe(approvalDigest(staged));
        digests.add(asked ?? "");
      }
      expect(digests.size).toBe(2);
    },
  );
});
