/** Starting operations' workflows, and waking those that run: the only places that call Temporal for them. */
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from "@temporalio/client";
import { MAIN_QUEUE, operationWorkflowId } from "../contracts/ids.ts";
import { type OperationInput, type OperationRef, SIGNALS, type Timing, WORKFLOWS } from "../contracts/messages.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { Startable } from "../db/queries/starter.ts";

/** The time-outs of a run under these settings. */
export function timing(settings: Settings): Timing {
  const { connectTimeoutSeconds, readTimeoutSeconds, leaseSeconds } = settings;
  return {
    heartbeatMs: settings.heartbeatSeconds * 1000,
    // Log in, send within the lease, log in again twice, and room for our own database.
    changeMs: (3 * (connectTimeoutSeconds + readTimeoutSeconds) + leaseSeconds + 60) * 1000,
  };
}

/** Starts the workflow of an operation's run; one that runs already is as good. */
export async function startOperation(client: Client, row: Startable, settings: Settings): Promise<void> {
  const input: OperationInput = {
    code: row.code,
    run: row.run,
    site: row.site,
    dueAt: row.dueAt.getTime(),
    priority: row.priority,
    timing: timing(settings),
  };
  try {
    await client.workflow.start(WORKFLOWS.operation, {
      taskQueue: MAIN_QUEUE,
      workflowId: operationWorkflowId(row.code, row.run),
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      workflowIdConflictPolicy: "FAIL",
      requestEagerStart: true,
      staticSummary: `Operation ${row.code}, run ${row.run}`,
      args: [input],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/** Tells a run's workflow to read its row again. A run that has ended needs no telling. */
export async function wakeOperation(client: Client, { code, run }: OperationRef): Promise<void> {
  try {
    await client.workflow.getHandle(operationWorkflowId(code, run)).signal(SIGNALS.wake);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** Whether a run's workflow exists and is open. */
export async function workflowState(
  client: Client,
  { code, run }: OperationRef,
): Promise<"missing" | "open" | "closed"> {
  try {
    const { status } = await client.workflow.getHandle(operationWorkflowId(code, run)).describe();
    return status.name === "RUNNING" ? "open" : "closed";
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return "missing";
    throw error;
  }
}
