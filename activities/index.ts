import { ApplicationFailure, Context } from "@temporalio/activity";
import type { Client } from "@temporalio/client";
import type {
  ChainPlace,
  ChangeInput,
  DriftSite,
  OperationRef,
  RehearsalInput,
  RepairResult,
  SettleInput,
  SettleResult,
} from "../contracts/messages.ts";
import { expireOperation } from "../db/queries/approvals.ts";
import { settle } from "../db/queries/settle.ts";
import { closeChain, openChildren } from "./chain.ts";
import { change, type Running } from "./change.ts";
import type { ActivityDeps } from "./deps.ts";
import { type Beating, checkDrift, planDrift } from "./drift.ts";
import { checkCredential, identifyDevice } from "./inspect.ts";
import { sweepPolicies } from "./policy-sweep.ts";
import { probe } from "./probe.ts";
import { rehearse } from "./rehearse.ts";
import { repair } from "./repair.ts";

/** Heartbeats within one heartbeat time-out. */
const BEATS = 4;

function running(): Running {
  const context = Context.current();
  const { heartbeatTimeoutMs, startToCloseTimeoutMs } = context.info;
  return {
    heartbeat: (details) => context.heartbeat(details),
    heartbeatMs: Math.max(100, (heartbeatTimeoutMs ?? 10_000) / BEATS),
    limitMs: startToCloseTimeoutMs,
  };
}

/** For a pass over many: it shows that it lives, and has no step to name. */
function beating(): Beating {
  const context = Context.current();
  return { beat: () => context.heartbeat(), beatMs: running().heartbeatMs };
}

/** Activities that only touch our database and Temporal: they run on the main queue. */
export function createMainActivities(
  deps: ActivityDeps,
  { client, mended }: { client: Client; mended: (result: RepairResult) => void },
) {
  return {
    settle: guarded(deps, async (input: SettleInput): Promise<SettleResult> => {
      const settlement = await settle(deps.db, { ...input, settings: await deps.settings() });
      await deps.wake(settlement.wake);
      return settlement.result;
    }),
    expire: guarded(deps, (ref: OperationRef) => expireOperation(deps.db, ref)),
    openChildren: guarded(deps, (place: ChainPlace) => openChildren(deps, place)),
    closeChain: guarded(deps, (place: ChainPlace) => closeChain(deps, place)),
    planDrift: guarded(deps, () => planDrift(deps)),
    sweepPolicies: guarded(deps, () => {
      const context = Context.current();
      const { heartbeatDetails } = context.info;
      return sweepPolicies(deps, {
        opened: typeof heartbeatDetails === "number" ? heartbeatDetails : 0,
        beat: (opened) => context.heartbeat(opened),
      });
    }),
    repair: guarded(deps, async () => {
      const result = await repair({ db: deps.db, client, settings: await deps.settings(), log: deps.log });
      mended(result);
      return result;
    }),
  };
}

/** Activities that talk to a site's devices, limited in number. */
export function createSiteActivities(deps: ActivityDeps) {
  return { change: guarded(deps, (input: ChangeInput) => change(deps, input, running())) };
}

/** Activities that find out what is true on a site's devices. */
export function createProbeActivities(deps: ActivityDeps) {
  return {
    probe: guarded(deps, (ref: OperationRef) => probe(deps, ref, running())),
    checkDrift: guarded(deps, (pass: DriftSite) => checkDrift(deps, pass, beating())),
    checkCredential: guarded(deps, (credentialId: string) => checkCredential(deps, credentialId)),
    identifyDevice: guarded(deps, (deviceId: string) => identifyDevice(deps, deviceId)),
    rehearse: guarded(deps, (input: RehearsalInput) => rehearse(deps, input)),
  };
}

export type MainActivities = ReturnType<typeof createMainActivities>;
export type SiteActivities = ReturnType<typeof createSiteActivities>;
export type ProbeActivities = ReturnType<typeof createProbeActivities>;

/**
 * Keeps the text of faults out of Temporal: a database error quotes its statement and parameters. The log on this
 * machine gets it; the history gets a code.
 */
function guarded<Input extends unknown[], Output>(deps: ActivityDeps, activity: (...input: Input) => Promise<Output>) {
  return async (...input: Input): Promise<Output> => {
    try {
      return await activity(...input);
    } catch (error) {
      const { activityType, workflowExecution } = Context.current().info;
      deps.log.error({ err: error, activityType, workflowId: workflowExecution?.workflowId }, "an activity failed");
      throw ApplicationFailure.create({ message: "service.fault", type: "service.fault" });
    }
  };
}
