/** Runs that wait: for approval, their time, a window, a slot or a permit. */
import { eq } from "drizzle-orm";
import { DEFAULT_SITE, operationWorkflowId } from "../../contracts/ids.ts";
import { SIGNALS } from "../../contracts/messages.ts";
import type { ApprovalRule } from "../../contracts/policy.ts";
import { act } from "../../db/queries/operation-actions.ts";
import { openOperations } from "../../db/queries/open-operations.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { CANARY } from "./histories.ts";
import type { Recipe } from "./histories-recipes.ts";
import type { Scene } from "./histories-scene.ts";

const SOON_MS = 4_000;
const LATE_MS = 3_600_000;
const TIMER = "TIMER_STARTED";
const SCHEDULED = "ACTIVITY_TASK_SCHEDULED";

const ONE: ApprovalRule["levels"] = [{ approvals: 1, approvers: [] }];
const LEVELS = [
  { approvals: 1, approvers: [`${CANARY}-approver`] },
  { approvals: 1, approvers: [`${CANARY}-second-approver`] },
];

/** A change that waits for approval, and whose run knows it. */
async function asked(scene: Scene, { levels = ONE, inMs = 0, expiresInMs = 0 } = {}) {
  const policyId = await scene.approvalPolicy(levels);
  const credentialId = await scene.account({ policyId });
  await scene.worker();
  const code =
    expiresInMs > 0 ? await scene.requestShortly(credentialId, expiresInMs) : await scene.request(credentialId, inMs);
  await scene.untilEvent(operationWorkflowId(code, 1), TIMER);
  return code;
}

/** Changes what an approval binds. */
async function editDevice(scene: Scene): Promise<void> {
  const pinnedIdentity = null;
  const settings = { postgresql: { ...(await deviceSettings(scene)), database: "template1" } };
  await scene.estate.db
    .update(schema.devices)
    .set({ settings, pinnedIdentity })
    .where(eq(schema.devices.id, await scene.device()));
}

async function deviceSettings(scene: Scene): Promise<object> {
  const [device] = await scene.estate.db
    .select()
    .from(schema.devices)
    .where(eq(schema.devices.id, await scene.device()));
  return (device?.settings["postgresql"] ?? {}) as object;
}

/** An approval that Temporal never hears of. */
async function approveUnheard({ estate }: Scene, code: number): Promise<void> {
  const actor = { actor: CANARY, person: `${CANARY}-approver` };
  await estate.db.transaction((tx) => act(tx, "approve", { codes: [code], actor, plugins: PLUGINS }));
}

/** As the policy sweep opens one. */
async function openByAge({ estate }: Scene, credentialId: string): Promise<number> {
  const [opened] = await estate.db.transaction((tx) =>
    openOperations(tx, {
      kind: "change-password",
      priority: 3,
      reason: "",
      actor: { actor: "worker" },
      items: [{ credentialId, trigger: "age" }],
    }),
  );
  return opened?.code ?? 0;
}

/** A change that waits in the queue of a worker with one slot, which another change holds. */
async function queued(scene: Scene) {
  const worker = await scene.worker(["staged"], { KEYTURN_SLOTS: "1" });
  await scene.request(await scene.account());
  await worker.reached("staged");
  const code = await scene.request(await scene.account());
  await scene.untilEvent(operationWorkflowId(code, 1), SCHEDULED);
  await scene.act(code, "run-now");
  await scene.untilEvent(operationWorkflowId(code, 1), SCHEDULED, { count: 2 });
  return { worker, code };
}

export const WAITS = {
  "waits-for-its-time": {
    async record(scene) {
      await scene.worker();
      return scene.recordRun(await scene.request(await scene.account(), SOON_MS));
    },
  },
  "run-now-while-waiting": {
    async record(scene) {
      await scene.worker();
      const code = await scene.request(await scene.account(), LATE_MS);
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER);
      await scene.act(code, "run-now");
      return scene.recordRun(code);
    },
  },
  "run-now-in-queue": {
    async record(scene) {
      const { worker, code } = await queued(scene);
      worker.go();
      return scene.recordRun(code);
    },
  },
  "run-now-finds-running": {
    async record(scene) {
      const { code } = await queued(scene);
      const second = await scene.worker(["applied"]);
      await second.reached("applied");
      await scene.untilEvent(operationWorkflowId(code, 1), "ACTIVITY_TASK_COMPLETED");
      second.go();
      return scene.recordRun(code);
    },
  },
  "canceled-while-waiting": {
    async record(scene) {
      await scene.worker();
      const code = await scene.request(await scene.account(), LATE_MS);
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER);
      await scene.act(code, "cancel");
      return scene.recordRun(code);
    },
  },
  "canceled-while-awaiting-approval": {
    async record(scene) {
      const code = await asked(scene);
      await scene.act(code, "cancel");
      return scene.recordRun(code);
    },
  },
  approved: {
    async record(scene) {
      const code = await asked(scene);
      await scene.act(code, "approve", "approver");
      return scene.recordRun(code);
    },
  },
  "approved-on-two-levels": {
    async record(scene) {
      const code = await asked(scene, { levels: LEVELS });
      await scene.act(code, "approve", "approver");
      await scene.act(code, "approve", "second");
      return scene.recordRun(code);
    },
  },
  "approved-unheard": {
    async record(scene) {
      const code = await asked(scene, { expiresInMs: SOON_MS });
      await approveUnheard(scene, code);
      return scene.recordRun(code);
    },
  },
  rejected: {
    async record(scene) {
      const code = await asked(scene);
      await scene.act(code, "reject", "approver");
      return scene.recordRun(code);
    },
  },
  "approval-expired": {
    async record(scene) {
      return scene.recordRun(await asked(scene, { expiresInMs: SOON_MS }));
    },
  },
  "approval-needed-again": {
    async record(scene) {
      const code = await asked(scene, { inMs: 12_000 });
      await scene.act(code, "approve", "approver");
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER, { count: 2 });
      await editDevice(scene);
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER, { count: 3 });
      await scene.act(code, "approve", "approver");
      return scene.recordRun(code);
    },
  },
  "approval-needed-again-unheard": {
    async record(scene) {
      const code = await asked(scene, { expiresInMs: SOON_MS });
      await editDevice(scene);
      // What was asked about is no more: the refusal asks again, until a later time.
      await approveUnheard(scene, code);
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER, { count: 2 });
      await scene.act(code, "approve", "approver");
      return scene.recordRun(code);
    },
  },
  "parked-for-device": {
    async record(scene) {
      const worker = await scene.worker(["staged"]);
      await scene.estate.setPermits(await scene.device(), 1);
      await scene.request(await scene.account());
      await worker.reached("staged");
      const code = await scene.request(await scene.account());
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER);
      worker.go();
      return scene.recordRun(code);
    },
  },
  "parked-for-window": {
    async record(scene) {
      const policyId = await scene.approvalPolicy([]);
      const day = ((new Date().getUTCDay() + 2) % 7) + 1;
      const windows = { timeZone: "UTC", age: { days: [day], hours: [0] } };
      await scene.estate.db.update(schema.policies).set({ windows }).where(eq(schema.policies.id, policyId));
      await scene.worker();
      const code = await openByAge(scene, await scene.account({ policyId }));
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER);
      await scene.act(code, "run-now");
      return scene.recordRun(code);
    },
  },
  "parked-for-pause": {
    async record(scene) {
      await scene.estate.db.insert(schema.sites).values({ name: DEFAULT_SITE, paused: true });
      await scene.worker();
      const code = await openByAge(scene, await scene.account());
      await scene.untilEvent(operationWorkflowId(code, 1), TIMER);
      await scene.persons.operator.post(`v1/sites/${DEFAULT_SITE}/resume`, {});
      return scene.recordRun(code);
    },
  },
  "begins-anew-while-waiting": {
    impatient: true,
    async record(scene) {
      await scene.worker();
      const code = await scene.request(await scene.account(), 15_000);
      const id = operationWorkflowId(code, 1);
      await scene.untilEvent(id, TIMER);
      const handle = scene.temporal.workflow.getHandle(id);
      const { runId } = await handle.describe();
      // Each word makes it look at its row, and the history longer.
      for (let timers = 2; (await handle.describe()).runId === runId; timers += 1) {
        await handle.signal(SIGNALS.wake);
        await scene.untilEvent(id, [TIMER, "WORKFLOW_EXECUTION_CONTINUED_AS_NEW"], { count: timers, runId });
      }
      await scene.recordRun(code);
      return scene.record(id, runId);
    },
  },
} satisfies Readonly<Record<string, Recipe>>;
