/** What follows a success, what sweeps do, and looks that people ask for. */
import { eq } from "drizzle-orm";
import {
  chainWorkflowId,
  DRIFT_SCHEDULE,
  operationWorkflowId,
  POLICY_SCHEDULE,
  REPAIR_SCHEDULE,
} from "../../contracts/ids.ts";
import * as schema from "../../db/schema/index.ts";
import { until } from "../../scripts/engine/ports.ts";
import type { Recipe } from "./histories-recipes.ts";
import type { Scene } from "./histories-scene.ts";

const CHILDREN = 4;
const HOUR_MS = 3_600_000;

/** A parent, and children that take its value. */
async function family(scene: Scene) {
  const parentCredentialId = await scene.account();
  const children = await Promise.all(Array.from({ length: CHILDREN }, () => scene.account({ parentCredentialId })));
  return { parent: parentCredentialId, children };
}

/** A parent whose chain finds a child that is being changed. */
async function withBusyChild(scene: Scene) {
  const { parent, children } = await family(scene);
  const worker = await scene.worker(["applied"]);
  await scene.request(children[0] ?? "");
  await worker.reached("applied");
  const code = await scene.request(parent);
  await scene.untilEvent(chainWorkflowId(code), "TIMER_STARTED");
  const { runId } = await scene.temporal.workflow.getHandle(chainWorkflowId(code)).describe();
  worker.go();
  await untilAllFollowed(scene, code);
  return { code, runId };
}

async function untilAllFollowed({ estate, temporal }: Scene, code: number): Promise<void> {
  const isDone = async () => {
    const of = eq(schema.operations.parentCode, code);
    const rows = await estate.db.select({ state: schema.operations.state }).from(schema.operations).where(of);
    return rows.length === CHILDREN && rows.every(({ state }) => state === "succeeded");
  };
  await until(isDone, { what: "Every child's change", timeoutMs: 60_000 });
  await temporal.workflow.getHandle(chainWorkflowId(code)).result();
}

async function firstChild({ estate }: Scene, code: number) {
  const of = eq(schema.operations.parentCode, code);
  const [child] = await estate.db.select().from(schema.operations).where(of).orderBy(schema.operations.code);
  if (!child) throw new Error(`operation ${code} has no children`);
  return child;
}

/** The only history of the workflow type. */
async function only(scene: Scene, type: string) {
  const ids: string[] = [];
  for await (const { workflowId, type: found, status } of scene.temporal.workflow.list())
    if (found === type && status.name === "COMPLETED") ids.push(workflowId);
  return ids[0];
}

async function looked(scene: Scene, type: string, path: string) {
  await scene.persons.operator.post(path, {}).catch(() => {});
  await until(async () => (await only(scene, type)) !== undefined, { what: type, timeoutMs: 60_000 });
  return scene.record((await only(scene, type)) ?? "");
}

export const CHAINS = {
  "succeeded-with-children": {
    async record(scene) {
      const { parent } = await family(scene);
      await scene.worker();
      const code = await scene.request(parent);
      await untilAllFollowed(scene, code).catch(() => {});
      return scene.recordRun(code);
    },
  },
  "child-succeeded": {
    async record(scene) {
      const { parent } = await family(scene);
      await scene.worker();
      const code = await scene.request(parent);
      await scene.recordRun(code);
      await untilAllFollowed(scene, code);
      return scene.recordRun((await firstChild(scene, code)).code);
    },
  },
  chain: {
    async record(scene) {
      const { code } = await withBusyChild(scene);
      return scene.record(chainWorkflowId(code));
    },
  },
  "chain-finds-child-started": {
    async record(scene) {
      const { parent } = await family(scene);
      const worker = await scene.worker(["children-opened"]);
      const code = await scene.request(parent);
      await worker.reached("children-opened");
      // As the repair sweep does, when a worker dies here and another is slow.
      await scene.startElsewhere("operation", operationWorkflowId((await firstChild(scene, code)).code, 1), {});
      worker.go();
      await scene.temporal.workflow.getHandle(chainWorkflowId(code)).result();
      return scene.record(chainWorkflowId(code));
    },
  },
  "chain-begins-anew": {
    impatient: true,
    async record(scene) {
      const { code, runId } = await withBusyChild(scene);
      return scene.record(chainWorkflowId(code), runId);
    },
  },
  "repair-sweep": {
    async record(scene) {
      const worker = await scene.worker();
      await worker.kill();
      const code = await scene.request(await scene.account());
      // As if a worker had claimed the row and died before it started the workflow, a while ago.
      await scene.estate.db.update(schema.operations).set({ startedRun: 1 }).where(eq(schema.operations.code, code));
      await scene.overdue(code);
      await scene.worker();
      return scene.sweep(REPAIR_SCHEDULE);
    },
  },
  "policy-sweep": {
    async record(scene) {
      const policyId = await scene.approvalPolicy([]);
      await scene.estate.db.update(schema.policies).set({ maxAgeMinutes: 60 }).where(eq(schema.policies.id, policyId));
      await scene.worker();
      await scene.account({ policyId, driven: true, changedAt: new Date(Date.now() - 2 * HOUR_MS) });
      return scene.sweep(POLICY_SCHEDULE);
    },
  },
  "drift-sweep": {
    settings: { driftHours: 24 },
    async record(scene) {
      await scene.worker();
      await scene.account();
      await scene.wronglyStored();
      return scene.sweep(DRIFT_SCHEDULE);
    },
  },
  "drift-sweep-without-worker": {
    settings: { driftHours: 24 },
    async record(scene) {
      await scene.worker();
      await scene.account();
      await scene.moveFarAway(await scene.device());
      return scene.sweep(DRIFT_SCHEDULE);
    },
  },
  "check-credential": {
    async record(scene) {
      await scene.worker();
      const id = await scene.account();
      return looked(scene, "checkCredential", `v1/credentials/${id}/check`);
    },
  },
  "identify-device": {
    async record(scene) {
      await scene.worker();
      const id = await scene.device();
      return looked(scene, "identifyDevice", `v1/devices/${id}/identify`);
    },
  },
  "rehearse-template": {
    async record(scene) {
      await scene.worker();
      const id = await scene.account();
      // It has no template: that, too, is the worker's to say, and the API refuses after it.
      return looked(scene, "rehearseTemplate", `v1/credentials/${id}/rehearse`);
    },
  },
} satisfies Readonly<Record<string, Recipe>>;
