/** Reconciliation on real servers: a second account sets a password that no stored one opens, once, and proves it. */
import { and, eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { requestReconciliation } from "../../db/queries/reconcile.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import type { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { checkDriftNow, lastCheck, nextDay, openDriftEstate } from "./drift-sweep.ts";
import { addTarget, type MatrixTarget, type OpenTarget } from "./matrix-target.ts";

const STOLEN = "Some-body-3lse";

let estate: Estate;
let worker: TestWorker;

/** An account that changes its own password, and that the administrator may reconcile. */
async function addReconciled(target: MatrixTarget, settings: { autorun: boolean }) {
  const { deviceId, administratorId = "" } = await addTarget(estate, target);
  const [account] = await target.makeAccounts(1);
  if (!account) throw new Error("no account");
  const credentialId = await estate.addCredential({
    deviceId,
    plugin: target.plugin,
    ...account,
    reconciliationEnabled: true,
    reconciliationAutorun: settings.autorun,
    reconciliationCredentialId: administratorId,
  });
  return { ...account, credentialId, administratorId };
}

const reconcile = async (credentialId: string) => {
  const actor = { actor: "test", person: "tester" };
  const request = { credentialId, reason: "test", actor, plugins: PLUGINS };
  return (await estate.db.transaction((tx) => requestReconciliation(tx, request))).code;
};

const reconciliations = (credentialId: string) =>
  estate.db
    .select()
    .from(schema.operations)
    .where(and(eq(schema.operations.credentialId, credentialId), eq(schema.operations.kind, "reconcile-password")));

async function attentionOf(credentialId: string) {
  return (await lastCheck(estate, credentialId)).attention;
}

/** Registers what holds of every plugin whose accounts an administrator may reconcile. */
export function reconciles(open: OpenTarget): void {
  let target: Awaited<ReturnType<OpenTarget>>;
  beforeAll(async () => {
    target = await open();
  });
  afterAll(() => target.close());
  beforeEach(async () => {
    estate = await openDriftEstate({ loginFailures: 20, leaseSeconds: 2, probes: 2 });
  });
  afterEach(async () => {
    await worker.kill();
    await estate.close();
  });

  it("a drift that is found is reconciled by itself, and the new password is proven", async () => {
    worker = await TestWorker.start(estate.surroundings);
    const account = await addReconciled(target, { autorun: true });
    await target.setPassword(account.username, STOLEN);
    expect(await checkDriftNow(estate)).toMatchObject({ rejected: 1 });
    const [opened] = await reconciliations(account.credentialId);
    expect(opened).toMatchObject({ trigger: "reconcile", priority: 2, parentCode: null, requestedBy: "" });
    expect(opened?.reason).toContain("verify.rejected");
    expect((await estate.until(opened?.code ?? 0)).state).toBe("succeeded");
    const stored = await estate.currentPassword(account.credentialId);
    expect(stored).not.toBe(account.password);
    expect(await target.logsIn(account.username, stored)).toBe(true);
    expect(await target.logsIn(account.username, STOLEN)).toBe(false);
    expect(await lastCheck(estate, account.credentialId)).toMatchObject({ verdict: "accepted" });
    expect(await reconciliations(account.credentialId)).toHaveLength(1);
  });

  it("a failed change is reconciled by itself", async () => {
    worker = await TestWorker.start(estate.surroundings);
    const account = await addReconciled(target, { autorun: true });
    await target.setPassword(account.username, STOLEN);
    const [code = 0] = await estate.request(account.credentialId);
    expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "auth.rejected" });
    const [opened] = await reconciliations(account.credentialId);
    expect(opened?.reason).toContain(String(code));
    expect((await estate.until(opened?.code ?? 0)).state).toBe("succeeded");
    expect(await target.logsIn(account.username, await estate.currentPassword(account.credentialId))).toBe(true);
  });

  /** A change that ends in doubt: somebody sets another password right after it. */
  async function endInDoubt() {
    worker = await TestWorker.start(estate.surroundings, ["applied"]);
    const account = await addReconciled(target, { autorun: false });
    const [code = 0] = await estate.request(account.credentialId);
    await worker.reached("applied");
    await target.setPassword(account.username, STOLEN);
    worker.go();
    expect(await estate.until(code)).toMatchObject({ state: "error", outcome: "change.unverified" });
    expect(await attentionOf(account.credentialId)).toBe("change.unverified");
    const doubtful = (await estate.versions(account.credentialId)).at(-1);
    if (doubtful?.status !== "doubtful") throw new Error("nothing is in doubt");
    return { account, doubtful, candidate: estate.open(doubtful) };
  }

  it("a doubt whose candidate is live after all ends by its promotion, without another change", async () => {
    const { account, doubtful, candidate } = await endInDoubt();
    await target.setPassword(account.username, candidate);
    const code = await reconcile(account.credentialId);
    expect((await estate.until(code)).state).toBe("succeeded");
    expect((await estate.attempts(code)).map(({ sentAt }) => sentAt)).toEqual([null]);
    expect((await estate.versions(account.credentialId)).at(-1)).toMatchObject({ id: doubtful.id, status: "current" });
    expect(await attentionOf(account.credentialId)).toBeNull();
  });

  it("a doubt whose candidate is dead ends by the reconciliation account applying the same again", async () => {
    const { account, doubtful, candidate } = await endInDoubt();
    const code = await reconcile(account.credentialId);
    expect((await estate.until(code)).state).toBe("succeeded");
    expect((await estate.attempts(code)).at(-1)).toMatchObject({ authenticatorId: account.administratorId });
    expect((await estate.versions(account.credentialId)).at(-1)).toMatchObject({ id: doubtful.id, status: "current" });
    expect(await target.logsIn(account.username, candidate)).toBe(true);
    expect(await attentionOf(account.credentialId)).toBeNull();
  });

  it("a reconciliation that fails calls for no other", async () => {
    worker = await TestWorker.start(estate.surroundings);
    const account = await addReconciled(target, { autorun: true });
    await target.setPassword(account.username, STOLEN);
    const wrong = eq(schema.secretVersions.credentialId, account.administratorId);
    await estate.db.delete(schema.secretVersions).where(wrong);
    await estate.storeVersion(account.administratorId, "not-its-password");
    await estate.db
      .update(schema.credentials)
      .set({ automaticChange: false })
      .where(eq(schema.credentials.id, account.administratorId));
    const [first = 0] = await estate.request(account.credentialId);
    await estate.until(first);
    const [opened] = await reconciliations(account.credentialId);
    expect(await estate.until(opened?.code ?? 0)).toMatchObject({ state: "error", outcome: "auth.rejected" });
    const [second = 0] = await estate.request(account.credentialId);
    expect(await estate.until(second)).toMatchObject({ state: "error", outcome: "auth.rejected" });
    await nextDay(estate);
    expect(await checkDriftNow(estate)).toMatchObject({ rejected: 1 });
    expect(await reconciliations(account.credentialId), "none within the cool-down").toHaveLength(1);
  });
}
