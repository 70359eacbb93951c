/** Runs in which a device, a worker or another run comes between. */
import { eq, sql } from "drizzle-orm";
import type { Moment } from "../../activities/deps.ts";
import { chainWorkflowId, operationWorkflowId, REPAIR_SCHEDULE } from "../../contracts/ids.ts";
import * as schema from "../../db/schema/index.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { freePort, until } from "../../scripts/engine/ports.ts";
import type { Recipe } from "./histories-recipes.ts";
import type { Scene } from "./histories-scene.ts";

/** A change whose worker dies at the moment. */
async function killedAt(scene: Scene, credentialId: string, moment: Moment): Promise<number> {
  const doomed = await scene.worker([moment]);
  const code = await scene.request(credentialId);
  await doomed.reached(moment);
  await doomed.kill();
  return code;
}

/** From then on a look at the device proves something. */
async function untilQuiet({ estate }: Scene, code: number): Promise<void> {
  const settleMs = findPlugin("postgresql")?.capabilities.settleMs ?? 0;
  const isQuiet = async () =>
    (await estate.attempts(code)).every(({ leaseUntil }) => (leaseUntil?.getTime() ?? 0) + settleMs < Date.now());
  await until(isQuiet, { what: "The end of lease and settle time", timeoutMs: 60_000 });
}

async function unreachable(scene: Scene): Promise<{ credentialId: string; deviceId: string }> {
  const deviceId = await scene.device(await freePort());
  return { credentialId: await scene.account({ deviceId }), deviceId };
}

export const DOUBTS = {
  succeeded: {
    async record(scene) {
      await scene.worker();
      return scene.recordRun(await scene.request(await scene.account()));
    },
  },
  verified: {
    async record(scene) {
      await scene.worker();
      return scene.recordRun(await scene.requestOf("verify-password", await scene.account()));
    },
  },
  reconciled: {
    async record(scene) {
      const credentialId = await scene.wronglyStored({
        reconciliationEnabled: true,
        reconciliationCredentialId: await scene.administrator(),
      });
      await scene.worker();
      return scene.recordRun(await scene.requestOf("reconcile-password", credentialId));
    },
  },
  "interrupted-then-succeeded": {
    settings: { intervalMinutes: 1 },
    async record(scene) {
      const { proxy, deviceId } = await scene.behindProxy();
      const credentialId = await scene.account({ deviceId });
      await scene.worker();
      proxy.stall();
      const code = await scene.request(credentialId);
      await until(async () => proxy.connections > 0, { what: "A connection", timeoutMs: 60_000 });
      proxy.cut();
      proxy.resume();
      return scene.recordRun(code);
    },
  },
  "attempts-used-up": {
    settings: { attempts: 2 },
    async record(scene) {
      await scene.worker();
      return scene.recordRun(await scene.request((await unreachable(scene)).credentialId));
    },
  },
  restarted: {
    settings: { attempts: 1 },
    async record(scene) {
      const { credentialId, deviceId } = await unreachable(scene);
      await scene.worker();
      const code = await scene.request(credentialId);
      await scene.recordRun(code);
      await scene.repairDevice(deviceId);
      await scene.act(code, "restart");
      return scene.recordRun(code, 2);
    },
  },
  "restarted-in-doubt": {
    settings: { probes: 1 },
    async record(scene) {
      const { proxy, deviceId } = await scene.behindProxy();
      const code = await killedAt(scene, await scene.account({ deviceId }), "applied");
      await proxy.refuse();
      await scene.worker();
      await scene.recordRun(code);
      await proxy.accept();
      await scene.act(code, "restart");
      return scene.recordRun(code, 2);
    },
  },
  "killed-before-sending": {
    async record(scene) {
      const code = await killedAt(scene, await scene.account(), "staged");
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "killed-after-sending": {
    async record(scene) {
      const code = await killedAt(scene, await scene.account(), "applied");
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "killed-after-promotion": {
    async record(scene) {
      const code = await killedAt(scene, await scene.account(), "promoted");
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "chain-was-there-already": {
    async record(scene) {
      const code = await killedAt(scene, await scene.account(), "promoted");
      await scene.startElsewhere("chain", chainWorkflowId(code), { code });
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "lost-before-stage": {
    async record(scene) {
      const lost = await scene.worker();
      const credentialId = await scene.account();
      const code = await scene.request(credentialId, 8_000);
      await scene.untilEvent(operationWorkflowId(code, 1), "TIMER_STARTED");
      await scene.holdingRow(code, async () => {
        await scene.untilEvent(operationWorkflowId(code, 1), "ACTIVITY_TASK_SCHEDULED");
        await scene.untilBlocked();
        await lost.kill();
      });
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "doubt-without-loss": {
    async record(scene) {
      const { proxy, deviceId } = await scene.behindProxy();
      const worker = await scene.worker(["applied"]);
      const code = await scene.request(await scene.account({ deviceId }));
      await worker.reached("applied");
      await proxy.refuse();
      worker.go();
      await scene.untilEvent(operationWorkflowId(code, 1), "TIMER_STARTED");
      await proxy.accept();
      return scene.recordRun(code);
    },
  },
  "doubt-resolved-later": {
    async record(scene) {
      const { proxy, deviceId } = await scene.behindProxy();
      const code = await killedAt(scene, await scene.account({ deviceId }), "applied");
      await proxy.refuse();
      await scene.worker();
      await scene.untilEvent(operationWorkflowId(code, 1), "TIMER_FIRED");
      await proxy.accept();
      return scene.recordRun(code);
    },
  },
  "doubt-unresolved": {
    settings: { probes: 2 },
    async record(scene) {
      const { proxy, deviceId } = await scene.behindProxy();
      const code = await killedAt(scene, await scene.account({ deviceId }), "applied");
      await proxy.refuse();
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "applied-again": {
    async record(scene) {
      const authenticationCredentialId = await scene.administrator();
      const credentialId = await scene.wronglyStored({ useOwnCredential: false, authenticationCredentialId });
      const code = await killedAt(scene, credentialId, "after-point");
      await untilQuiet(scene, code);
      await scene.worker();
      return scene.recordRun(code);
    },
  },
  "applied-again-when-permitted": {
    async record(scene) {
      const authenticationCredentialId = await scene.administrator();
      const credentialId = await scene.wronglyStored({ useOwnCredential: false, authenticationCredentialId });
      await scene.estate.setPermits(await scene.device(), 1);
      const code = await killedAt(scene, credentialId, "after-point");
      await untilQuiet(scene, code);
      // Waits for the permit that the lost attempt holds, gets it from the look, and keeps it.
      await scene.request(await scene.account());
      const worker = await scene.worker(["staged"]);
      await worker.reached("staged");
      await scene.untilEvent(operationWorkflowId(code, 1), "TIMER_STARTED");
      worker.go("staged");
      return scene.recordRun(code);
    },
  },
  "taken-over-before-settled": {
    async record(scene) {
      const worker = await scene.worker(["before-point"]);
      const code = await scene.request(await scene.account());
      await worker.reached("before-point");
      // As a probe of a frozen worker does when it goes on late.
      await scene.estate.db
        .update(schema.attempts)
        .set({ epoch: sql`nextval('epochs')` })
        .where(eq(schema.attempts.operationCode, code));
      worker.go();
      return scene.recordRun(code);
    },
  },
  "adopted-while-running": {
    async record(scene) {
      const code = await killedAt(scene, await scene.account(), "applied");
      await scene.temporal.workflow.getHandle(operationWorkflowId(code, 1)).terminate();
      await scene.worker();
      await scene.overdue(code);
      await scene.sweep(REPAIR_SCHEDULE);
      return scene.recordRun(code, 2);
    },
  },
} satisfies Readonly<Record<string, Recipe>>;
