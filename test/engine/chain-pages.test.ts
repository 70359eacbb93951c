/** What a chain does with a credential's children, one page at a time: the transaction alone, on a real database. */
import { eq, inArray, sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { Settings } from "../../contracts/settings.schema.ts";
import { newId } from "../../db/new-id.ts";
import { passPointOfNoReturn } from "../../db/queries/attempt.ts";
import { type ChainRows, clearChildrenPending, openPage } from "../../db/queries/children.ts";
import { endOperation } from "../../db/queries/end-operation.ts";
import { takeOver } from "../../db/queries/probe.ts";
import { promote } from "../../db/queries/promote.ts";
import { requestReconciliation } from "../../db/queries/reconcile.ts";
import { settle } from "../../db/queries/settle.ts";
import { stage } from "../../db/queries/stage.ts";
import type { StagedAttempt } from "../../db/queries/stage-result.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";

const { credentials, operations, secretVersions } = schema;
const settings = Settings.parse({});

let estate: Estate;
let deviceId: string;
let parent: string;
let count = 0;

beforeAll(async () => {
  estate = await Estate.open();
  deviceId = await estate.addDevice({ address: "127.0.0.1" });
});
afterAll(() => estate.close());
beforeEach(async () => {
  parent = await add();
});

async function add(of: Partial<Parameters<Estate["addCredential"]>[0]> = {}): Promise<string> {
  return estate.addCredential({ deviceId, plugin: "linux", username: `user${++count}`, password: "first", ...of });
}

const child = (of: Parameters<typeof add>[0] = {}) => add({ parentCredentialId: parent, ...of });

/** A password that becomes current, as a promotion leaves it. Returns the version's id. */
async function setCurrent(
  credentialId: string,
  from: { code: number | null; parentVersionId?: string },
): Promise<string> {
  const id = newId();
  const version = (await estate.versions(credentialId)).length + 1;
  await estate.db
    .update(secretVersions)
    .set({ status: "retired" })
    .where(eq(secretVersions.credentialId, credentialId));
  await estate.db.insert(secretVersions).values({
    id,
    credentialId,
    version,
    status: "current",
    origin: from.parentVersionId ? "parent" : "generated",
    operationCode: from.code,
    parentVersionId: from.parentVersionId ?? null,
    promotedAt: sql`now()`,
    sealed: estate.vault.seal(new Secret("next"), { versionId: id, credentialId, version }),
  });
  return id;
}

const record = { steps: [], transcript: "", detail: "" };

const take = (code: number, prepare: Parameters<typeof stage>[1]["prepare"]) =>
  stage(estate.db, { code, run: 1, worker: "test", changeMs: 60_000, settings, prepare });

/** An operation whose new password is stored and not sent yet. */
async function begin(code: number): Promise<StagedAttempt> {
  const result = await take(code, ({ parties: { credential } }) => ({
    seal: (binding) => estate.vault.seal(new Secret(newId()), { credentialId: credential.id, ...binding }),
  }));
  if (result.kind !== "staged") throw new Error(`not staged: ${JSON.stringify(result)}`);
  return result.attempt;
}

/** A change of the parent that succeeded and whose children are to follow. */
async function changeParent(): Promise<{ code: number; versionId: string }> {
  const [code = 0] = await estate.request(parent);
  const attempt = await begin(code);
  expect(await promote(estate.db, attempt, { record })).toMatchObject({ promoted: true });
  return { code, versionId: attempt.candidate.id };
}

/** A change of the parent that ended in doubt, and a reconciliation that found its password on the device. */
async function reconcileParent(): Promise<{ code: number; versionId: string }> {
  const [doubted = 0] = await estate.request(parent);
  const { candidate, ...claim } = await begin(doubted);
  await passPointOfNoReturn(estate.db, claim, 0);
  await settle(estate.db, { code: doubted, run: 1, epoch: claim.epoch, reason: "change.unverified", settings });
  const reconciliation = { reconciliationEnabled: true, reconciliationCredentialId: await add() };
  await estate.db.update(credentials).set(reconciliation).where(eq(credentials.id, parent));
  const actor = { actor: "test", person: "tester" };
  const request = { credentialId: parent, reason: "", actor, plugins: PLUGINS };
  const { code } = await estate.db.transaction((tx) => requestReconciliation(tx, request));
  expect(await take(code, () => ({ refusal: "operation.not-eligible" }))).toEqual({ kind: "needs-probe" });
  const taken = await takeOver(estate.db, { code, run: 1, settleMs: () => 0, wakeInMs: 60_000 });
  if (taken.kind !== "taken") throw new Error(taken.kind);
  expect(await promote(estate.db, taken.attempt, { record })).toMatchObject({ promoted: true, children: true });
  return { code, versionId: candidate.id };
}

const set = (code: number, values: Partial<typeof operations.$inferInsert>) =>
  estate.db.update(operations).set(values).where(eq(operations.code, code));

const page = (code: number, of: { after?: string; limit?: number } = {}) =>
  openPage(estate.db, { code, limit: 200, ...of });

const codes = (rows: ChainRows) => rows.operations.map(({ code }) => code);

/** The operations of a credential, oldest first. */
const operationsOf = (credentialId: string) =>
  estate.db.select().from(operations).where(eq(operations.credentialId, credentialId)).orderBy(operations.code);

describe("each child", () => {
  it("gets one operation, however often the page is asked for", async () => {
    const children = [await child(), await child({ childValue: "own" })];
    await add();
    await child({ active: false });
    const { code } = await changeParent();
    const first = await page(code);
    const again = await page(code);
    expect(first).toMatchObject({ busy: false, wake: [] });
    expect(first.next).toBeUndefined();
    expect(again).toEqual(first);
    expect(first.operations.map(({ run, kind, priority }) => [run, kind, priority])).toEqual([
      [1, "child-password-change", 2],
      [1, "child-password-change", 2],
    ]);
    for (const [index, credentialId] of children.entries()) {
      const [made, more] = await operationsOf(credentialId);
      expect(more).toBeUndefined();
      expect(made).toMatchObject({
        code: first.operations[index]?.code,
        state: "scheduled",
        trigger: "parent",
        parentCode: code,
        requestedBy: "tester",
        approval: null,
        startedRun: 1,
      });
      expect((await estate.audit(made?.code ?? 0)).map(({ action }) => action)).toEqual(["operation.requested"]);
    }
  });

  it("that began, or ended, is not given again", async () => {
    const [a, b, c] = [await child(), await child(), await child()];
    const { code } = await changeParent();
    const [first = 0, second = 0, third = 0] = codes(await page(code));
    await set(first, { state: "running", attempts: 1 });
    await estate.db.transaction((tx) => endOperation(tx, { code: second, state: "error", outcome: "target.timeout" }));
    expect(codes(await page(code))).toEqual([third]);
    expect([a, b, c]).toHaveLength(3);
  });

  it("that has the parent's value already is passed over; one with an older value is not", async () => {
    const [has, had] = [await child(), await child()];
    const before = await changeParent();
    await setCurrent(had, { code: null, parentVersionId: before.versionId });
    const { code, versionId } = await changeParent();
    await setCurrent(has, { code: null, parentVersionId: versionId });
    const rows = await page(code);
    expect(rows.operations).toHaveLength(1);
    expect((await operationsOf(had))[0]?.code).toBe(rows.operations[0]?.code);
    expect(await operationsOf(has)).toEqual([]);
  });

  it("comes in pages in the order of the ids", async () => {
    const children = [await child(), await child(), await child(), await child(), await child()].toSorted();
    const { code } = await changeParent();
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const rows: ChainRows = await page(code, { limit: 2, ...(after === undefined ? {} : { after }) });
      const made = await estate.db
        .select()
        .from(operations)
        .where(inArray(operations.code, codes(rows)));
      seen.push(...made.map(({ credentialId }) => credentialId).toSorted());
      after = rows.next;
    } while (after !== undefined);
    expect(seen).toEqual(children);
  });

  it("whose password is in doubt ends in an error that can be restarted", async () => {
    const doubted = await child();
    await estate.db
      .update(credentials)
      .set({ attention: "change.unverified", attentionSince: sql`now()` })
      .where(eq(credentials.id, doubted));
    const { code } = await changeParent();
    expect(await page(code)).toEqual({ operations: [], busy: false, wake: [] });
    expect(await operationsOf(doubted)).toMatchObject([
      { state: "error", outcome: "credential.attention", parentCode: code, openCredentialId: null, wakeAt: null },
    ]);
    expect(await page(code)).toEqual({ operations: [], busy: false, wake: [] });
  });
});

describe("a child with an open change", () => {
  const later = new Date(Date.now() + 3_600_000);

  it.each<[string, Partial<typeof operations.$inferInsert>, Partial<typeof operations.$inferSelect>]>([
    ["for later", { dueAt: later, scheduledFor: later, wakeAt: later, waitingFor: "time" }, { waitingFor: "queue" }],
    ["in an automatic window", { trigger: "age", priority: 3, waitingFor: "window", dueAt: later }, { priority: 2 }],
    ["at the head of the queue", { priority: 1, waitingFor: "queue" }, { priority: 1 }],
    ["that waits for its device", { waitingFor: "device" }, { waitingFor: "device" }],
    [
      "that waits for approval",
      {
        state: "awaiting-approval",
        approval: { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 5 },
        approvalDigest: "digest",
        approvalExpiresAt: later,
        wakeAt: later,
        waitingFor: null,
      },
      { approval: null, approvalDigest: null, approvalExpiresAt: null, waitingFor: "queue" },
    ],
  ])("%s has it made into the parent's", async (_, open, expected) => {
    const waiting = await child();
    const [own = 0] = await estate.request(waiting);
    await set(own, { startedRun: 1, ...open });
    const { code } = await changeParent();
    const rows = await page(code);
    expect(rows).toMatchObject({ busy: false, wake: [{ code: own, run: 1 }] });
    expect(codes(rows)).toEqual([own]);
    const [changed, more] = await operationsOf(waiting);
    expect(more).toBeUndefined();
    expect(changed).toMatchObject({
      kind: "child-password-change",
      state: "scheduled",
      trigger: "parent",
      parentCode: code,
      ...expected,
    });
    expect(changed?.dueAt.getTime()).toBeLessThanOrEqual(Date.now());
    expect(changed?.wakeAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
    expect((await estate.audit(own)).at(-1)).toMatchObject({
      action: "operation.retargeted",
      details: { parent: code, kind: "change-password", before: open.state ?? "scheduled", state: "scheduled" },
    });
  });

  it("that waits out the interval between two attempts goes on waiting", async () => {
    const waiting = await child();
    const [own = 0] = await estate.request(waiting);
    await set(own, { startedRun: 1, attempts: 1, runAttempts: 1, dueAt: later, wakeAt: later, waitingFor: "time" });
    const { code } = await changeParent();
    expect(codes(await page(code))).toEqual([own]);
    expect(await operationsOf(waiting)).toMatchObject([
      { parentCode: code, waitingFor: "time", dueAt: later, wakeAt: later },
    ]);
  });

  it("that runs gets its turn afterwards", async () => {
    const running = await child();
    const [own = 0] = await estate.request(running);
    await set(own, { state: "running" });
    const { code } = await changeParent();
    expect(await page(code)).toEqual({ operations: [], busy: true, wake: [] });
    await estate.db.transaction((tx) => endOperation(tx, { code: own, state: "succeeded" }));
    const rows = await page(code);
    expect(rows).toMatchObject({ busy: false, operations: [{ kind: "child-password-change" }] });
    expect(await operationsOf(running)).toHaveLength(2);
  });

  it.each<[string, Partial<typeof operations.$inferInsert>, Partial<typeof credentials.$inferInsert>]>([
    ["of another kind", { kind: "reconcile-password" }, {}],
    ["that resolves a doubt", { reason: "restart" }, { attention: "change.unverified" }],
  ])("%s gets its turn afterwards", async (_, open, of) => {
    const other = await child();
    const [own = 0] = await estate.request(other);
    await set(own, open);
    await estate.db
      .update(credentials)
      .set({ ...of, notes: "as it is" })
      .where(eq(credentials.id, other));
    const { code } = await changeParent();
    expect(await page(code)).toEqual({ operations: [], busy: true, wake: [] });
    expect(await operationsOf(other)).toMatchObject([{ code: own, trigger: "request" }]);
  });

  it("of the parent's change before is taken over, started or not", async () => {
    const children = [await child(), await child()];
    const before = await changeParent();
    const [first = 0, second = 0] = codes(await page(before.code));
    await set(first, { state: "running", attempts: 1 });
    const { code } = await changeParent();
    // The one before has nothing to do any more.
    expect(await page(before.code)).toEqual({ operations: [], busy: false, wake: [] });
    expect(await page(code)).toMatchObject({ busy: true, operations: [{ code: second }] });
    expect(await operationsOf(children[0] ?? "")).toMatchObject([{ code: first, parentCode: before.code }]);
    expect(await operationsOf(children[1] ?? "")).toMatchObject([{ code: second, parentCode: code }]);
  });
});

describe("a child whose turn comes", () => {
  const seenBy = async (code: number) => {
    let seen: string | null | undefined = "nothing";
    await take(code, ({ parent: version }) => {
      seen = version === null ? null : version?.id;
      return { refusal: "child.password-not-legal" };
    });
    return seen;
  };

  it.each<["parent" | "own", boolean]>([
    ["parent", true],
    ["own", false],
  ])("and that takes the value of: %s", async (childValue, ofParent) => {
    await child({ childValue });
    const { code, versionId } = await changeParent();
    const [made = 0] = codes(await page(code));
    // The parent moved on before: what counts is what it has now.
    const newest = await setCurrent(parent, { code: null });
    expect(newest).not.toBe(versionId);
    expect(await seenBy(made)).toBe(ofParent ? newest : undefined);
  });

  it("and that has no parent any more has no value to take", async () => {
    const orphan = await child();
    const { code } = await changeParent();
    const [made = 0] = codes(await page(code));
    await estate.db.update(credentials).set({ parentCredentialId: null }).where(eq(credentials.id, orphan));
    expect(await seenBy(made)).toBeNull();
    expect(await operationsOf(orphan)).toMatchObject([{ state: "error" }]);
  });
});

describe("a chain", () => {
  it("goes on after a password of the parent was stored or restored by hand", async () => {
    await child();
    const before = await changeParent();
    const { code } = await changeParent();
    await estate.db.update(secretVersions).set({ status: "retired" }).where(eq(secretVersions.credentialId, parent));
    await estate.db
      .update(secretVersions)
      .set({ status: "current", promotedAt: sql`now()` })
      .where(eq(secretVersions.id, before.versionId));
    expect((await page(code)).operations).toHaveLength(1);
  });

  it("ends once a later operation found the password that one between had left in doubt", async () => {
    await child();
    const before = await changeParent();
    const { code } = await reconcileParent();
    expect(await page(before.code)).toEqual({ operations: [], busy: false, wake: [] });
    expect((await page(code)).operations).toHaveLength(1);
    // Its version names the operation that sent it, and it is superseded as any other.
    await changeParent();
    expect(await page(code)).toEqual({ operations: [], busy: false, wake: [] });
  });

  it("and the later operation's promotion at the same moment give each child one operation", async () => {
    const children = [await child(), await child()];
    const before = await changeParent();
    const [later = 0] = await estate.request(parent);
    const attempt = await begin(later);
    // The page is asked for while the promotion has written everything and not committed.
    let early: Promise<ChainRows> | undefined;
    await promote(estate.db, attempt, {
      record,
      beforeCommit: async () => {
        early = page(before.code);
        await early;
      },
    });
    expect((await early)?.operations).toHaveLength(2);
    expect(await page(before.code)).toEqual({ operations: [], busy: false, wake: [] });
    // What the earlier chain opened is made the later one's; nobody gets a second.
    expect(codes(await page(later))).toHaveLength(2);
    for (const credentialId of children)
      expect(await operationsOf(credentialId)).toMatchObject([{ parentCode: later, state: "scheduled" }]);
  });

  it("does nothing for an operation that owes its children nothing", async () => {
    await child();
    const [code = 0] = await estate.request(parent);
    expect(await page(code)).toEqual({ operations: [], busy: false, wake: [] });
    await estate.db.transaction((tx) => endOperation(tx, { code, state: "canceled" }));
    const changed = await changeParent();
    await clearChildrenPending(estate.db, changed.code);
    expect(await page(changed.code)).toEqual({ operations: [], busy: false, wake: [] });
  });

  it("and requests at the same moment make one open change of each child", async () => {
    const children: string[] = [];
    for (let made = 0; made < 30; made += 1) children.push(await child());
    const { code } = await changeParent();
    const pages = [page(code), page(code, { limit: 10 }), page(code)];
    const requests = children.map((id) => estate.request(id).catch((error: Error) => error.message));
    await Promise.all([...pages, ...requests]);
    // Whoever was asked for by a person meanwhile is made into the parent's now.
    expect((await page(code)).busy).toBe(false);
    for (const credentialId of children)
      expect(await operationsOf(credentialId)).toMatchObject([{ parentCode: code, state: "scheduled" }]);
  });
});
