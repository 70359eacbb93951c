import { setTimeout } from "node:timers/promises";
import { Client, Connection, WorkflowFailedError } from "@temporalio/client";
import { defaultDataConverter } from "@temporalio/common";
import { MAIN_QUEUE, operationWorkflowId } from "../contracts/ids.ts";
import {
  type CheckResult,
  type HeartbeatDetails,
  type OperationRef,
  type Progress,
  QUERIES,
  type RehearsalInput,
  type RehearsalResult,
  type SIGNALS,
  WORKFLOWS,
} from "../contracts/messages.ts";
import { type ErrorCode, isErrorCode } from "../contracts/errors.ts";
import type { LiveProgress } from "../contracts/operations.schema.ts";
import { ApiProblem } from "../contracts/problem.ts";
import { newId } from "../db/new-id.ts";
import { Limited } from "./limited.ts";

/** What the API asks of Temporal. Every call ends by itself, also while Temporal is away. */
export interface Orchestrator {
  /** Tells workflows to read their rows again. Does not wait and never fails: the sweep mends a lost one. */
  signal(refs: readonly OperationRef[], signal: keyof typeof SIGNALS): void;
  /** How far a run is, or null when that is not known within 300 ms. */
  progress(ref: OperationRef): Promise<LiveProgress | null>;
  /** @throws ApiProblem `service.unavailable` when no worker answers in time */
  check(input: { credentialId: string; site: string }, timeoutMs: number): Promise<CheckResult>;
  /** @throws ApiProblem `service.unavailable` when no worker answers in time */
  identify(input: { deviceId: string; site: string }, timeoutMs: number): Promise<{ code: ErrorCode | "seen" }>;
  /** @throws ApiProblem `service.unavailable` when no worker answers in time */
  rehearse(input: RehearsalInput, timeoutMs: number): Promise<RehearsalResult>;
  answers(): Promise<boolean>;
  close(): Promise<void>;
}

const PROGRESS_MS = 300;
const SIGNAL_MS = 2000;
const ANSWERS_MS = 1000;
/** Ten thousand at once would all be too late. */
const SIGNALS_AT_ONCE = 50;

/** Connects when first used and again whenever the connection was lost. */
export function openOrchestrator(address: string, namespace: string): Orchestrator {
  const connection = Connection.lazy({ address, connectTimeout: ANSWERS_MS });
  const client = new Client({ connection, namespace });
  const pending = new Set<Promise<unknown>>();
  const within = <T>(ms: number, ask: () => Promise<T>): Promise<T> => {
    const asked = connection.withDeadline(Date.now() + ms, ask);
    pending.add(asked);
    return asked.finally(() => pending.delete(asked));
  };
  const signals = new Limited(SIGNALS_AT_ONCE);
  return {
    signal(refs, signal) {
      for (const ref of refs) {
        const handle = client.workflow.getHandle(operationWorkflowId(ref.code, ref.run));
        signals.add(() => within(SIGNAL_MS, () => handle.signal(signal)).catch(() => {}));
      }
    },
    progress: (ref) => readProgress(client, within, ref),
    check: (input, timeoutMs) => execute<CheckResult>(client, WORKFLOWS.checkCredential, { input, timeoutMs }),
    identify: (input, timeoutMs) =>
      execute<{ code: ErrorCode | "seen" }>(client, WORKFLOWS.identifyDevice, { input, timeoutMs }),
    rehearse: (input, timeoutMs) => execute<RehearsalResult>(client, WORKFLOWS.rehearseTemplate, { input, timeoutMs }),
    async answers() {
      try {
        await within(ANSWERS_MS, () => client.workflowService.getSystemInfo({}));
        return true;
      } catch {
        return false;
      }
    },
    async close() {
      signals.clear();
      // A call that retries on a closed connection would end the process.
      await Promise.allSettled(pending);
      await connection.close();
    },
  };
}

async function execute<T>(
  client: Client,
  type: string,
  { input, timeoutMs }: { input: object; timeoutMs: number },
): Promise<T> {
  try {
    return await client.connection.withDeadline(Date.now() + timeoutMs + 1000, () =>
      client.workflow.execute<(given: object) => Promise<T>>(type, {
        taskQueue: MAIN_QUEUE,
        workflowId: `${type}-${newId()}`,
        workflowExecutionTimeout: timeoutMs,
        args: [input],
      }),
    );
  } catch (error) {
    const failure = error instanceof WorkflowFailedError ? error.cause : undefined;
    const type = failure && "type" in failure ? failure.type : undefined;
    if (typeof type === "string" && isErrorCode(type)) throw new ApiProblem(type);
    throw new ApiProblem("service.unavailable", "No worker answered in time. Nothing was changed.");
  }
}

type Within = <T>(ms: number, ask: () => Promise<T>) => Promise<T>;

async function readProgress(client: Client, within: Within, ref: OperationRef): Promise<LiveProgress | null> {
  const handle = client.workflow.getHandle(operationWorkflowId(ref.code, ref.run));
  const asked = within(PROGRESS_MS, () =>
    Promise.all([handle.query<Progress>(QUERIES.progress), lastHeartbeat(handle)]),
  );
  try {
    // The deadline holds for calls, not for connecting; the race holds for both.
    const [progress, heartbeat] = await Promise.race([
      asked,
      setTimeout(PROGRESS_MS, undefined, { ref: false }).then(() => Promise.reject(new Error("too slow"))),
    ]);
    const { step, attempt, nextAt, waitingFor } = progress;
    return {
      step,
      // While a change is under way only its worker knows which attempt it is.
      attempt: Math.max(attempt, heartbeat?.attempt ?? 0),
      nextAt: nextAt === undefined ? null : new Date(nextAt).toISOString(),
      waitingFor: waitingFor ?? null,
      heartbeat,
    };
  } catch {
    // No workflow yet, no worker, no Temporal, or too slow: the row itself says what matters.
    return null;
  }
}

async function lastHeartbeat(handle: ReturnType<Client["workflow"]["getHandle"]>): Promise<HeartbeatDetails | null> {
  const { raw } = await handle.describe();
  const payload = raw.pendingActivities?.at(-1)?.heartbeatDetails?.payloads?.[0];
  return payload ? defaultDataConverter.payloadConverter.fromPayload<HeartbeatDetails>(payload) : null;
}
