/** Starting operations' workflows, and waking those that run: the only places that call Temporal for them. */
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from "@temporalio/client";
import { changeLimitMs } from "../contracts/change-limit.ts";
import { chainWorkflowId, MAIN_QUEUE, operationWorkflowId, siteQueue } from "../contracts/ids.ts";
import { type OperationInput, type OperationRef, SIGNALS, type Timing, WORKFLOWS } from "../contracts/messages.ts";
import { withLimits } from "../contracts/policy.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { Startable } from "../db/queries/starter.ts";

/** PENDING_ACTIVITY_STATE_SCHEDULED and TASK_QUEUE_TYPE_ACTIVITY of Temporal's API; its package is not ours to import. */
const SCHEDULED = 1;
const ACTIVITY_QUEUE = 2;

/** The time-outs of a run under these settings. */
export function timing(settings: Settings): Timing {
  return { heartbeatMs: settings.heartbeatSeconds * 1000, changeMs: changeLimitMs(settings) };
}

/** What the workflow of a run is told. */
export function operationInput(row: Startable, settings: Settings): OperationInput {
  return {
    code: row.code,
    run: row.run,
    kind: row.kind,
    site: row.site,
    dueAt: row.dueAt.getTime(),
    priority: row.priority,
    timing: timing(withLimits(settings, row.limits)),
    ...(row.approvalExpiresAt === null ? {} : { approvalExpiresAt: row.approvalExpiresAt.getTime() }),
  };
}

/** Title of a run in Temporal's own pages: no name of an account or device. */
export function operationSummary({ code, run, kind }: Startable): string {
  return `Operation ${code}, run ${run}: ${kind}`;
}

/**
 * Starts the chain that follows an operation's success; one that runs is as good.
 * @returns whether none was running
 */
export async function startChain(client: Client, code: number): Promise<boolean> {
  try {
    await client.workflow.start(WORKFLOWS.chain, {
      taskQueue: MAIN_QUEUE,
      workflowId: chainWorkflowId(code),
      workflowIdReusePolicy: "ALLOW_DUPLICATE",
      workflowIdConflictPolicy: "FAIL",
      staticSummary: `Children of operation ${code}`,
      args: [{ code }],
    });
    return true;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return false;
  }
}

/** Starts the workflow of an operation's run; one that runs already is as good. */
export async function startOperation(client: Client, row: Startable, settings: Settings): Promise<void> {
  const input = operationInput(row, settings);
  try {
    await client.workflow.start(WORKFLOWS.operation, {
      taskQueue: MAIN_QUEUE,
      workflowId: operationWorkflowId(row.code, row.run),
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      workflowIdConflictPolicy: "FAIL",
      requestEagerStart: true,
      priority: { priorityKey: row.priority },
      staticSummary: operationSummary(row),
      args: [input],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Tells a run's workflow to read its row again. A run that has ended needs no telling. */
export async function wakeOperation(
  client: Client,
  { code, run }: OperationRef,
  signal: keyof typeof SIGNALS = SIGNALS.wake,
): Promise<void> {
  try {
    await client.workflow.getHandle(operationWorkflowId(code, run)).signal(signal);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** What Temporal knows of a workflow: whether it exists and is open, and whether an activity of it waits for a slot. */
export interface WorkflowStatus {
  readonly workflow: "missing" | "open" | "closed";
  readonly queued: boolean;
}

export async function workflowStatus(client: Client, workflowId: string): Promise<WorkflowStatus> {
  try {
    const { status, raw } = await client.workflow.getHandle(workflowId).describe();
    const queued = raw.pendingActivities?.some(({ state }) => state === SCHEDULED) ?? false;
    return { workflow: status.name === "RUNNING" ? "open" : "closed", queued };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { workflow: "missing", queued: false };
    throw error;
  }
}

/** Whether some worker asks for a site's changes. */
export async function hasWorker(client: Client, site: string): Promise<boolean> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: siteQueue(site) },
    taskQueueType: ACTIVITY_QUEUE,
  });
  return (pollers?.length ?? 0) > 0;
}
