import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setHandler,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import { chainWorkflowId } from "../contracts/ids.ts";
import type { ErrorCode } from "../contracts/errors.ts";
import { type OperationInput, type Progress, QUERIES, SIGNALS, WORKFLOWS } from "../contracts/messages.ts";
import type { OperationState, WaitingFor } from "../contracts/states.ts";
import { ownActivities, probeActivities } from "./activity-options.ts";
import { isAlreadyStarted } from "./already-started.ts";
import { Changes } from "./changes.ts";

/** Where the run goes next: it is to be approved, waits for a moment, looks into a doubt, or is over. */
type Next =
  | { readonly approveUntil: number }
  | { readonly until: number; readonly wait: keyof typeof WAITS }
  | { readonly doubt: true }
  | { readonly ended: OperationState };

const doubt: Next = { doubt: true };

/** Pauses after a change that was lost before it began. Milliseconds. */
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Pause before a moment that is past by Temporal's clock and not by the database's. Milliseconds. */
const CLOCKS_DIFFER_MS = 500;

/** Titles of waits in Temporal's pages. */
const WAITS: Readonly<Record<WaitingFor | "attempt" | "look", string>> = {
  time: "waits for its time",
  window: "waits for its policy's window",
  queue: "waits for its place in the queue",
  device: "waits for the device",
  "login-budget": "waits until the account may log in again",
  authenticator: "waits for the account that logs in",
  worker: "waits for a worker",
  pause: "waits for the end of a pause",
  attempt: "waits for the next attempt",
  look: "waits for the next look at a password in doubt",
};

/**
 * The life of one run of an operation. The row in PostgreSQL decides what may happen; this workflow owns time, order
 * and retries: wait for approval and for the time, change, and after any doubt probe until it is known what the
 * device has. Children follow a success.
 */
export async function operation(input: OperationInput): Promise<OperationState> {
  const run = new Run(input);
  let next: Next =
    input.approvalExpiresAt === undefined
      ? { until: input.dueAt, wait: "time" }
      : { approveUntil: input.approvalExpiresAt };
  for (;;) {
    if ("ended" in next) break;
    else if ("doubt" in next) next = await run.probe();
    else if ("approveUntil" in next) next = await run.awaitApproval(next.approveUntil);
    else next = (await run.waitUntil(next.until, next.wait), await run.change());
  }
  await condition(allHandlersFinished);
  return next.ended;
}

class Run {
  readonly #input: OperationInput;
  readonly #changes: Changes;
  #progress: Progress;
  #told = false;
  /** Changes that were lost before they began. */
  #lost = 0;

  constructor(input: OperationInput) {
    this.#input = input;
    this.#changes = new Changes(input);
    this.#progress = { step: "waiting", attempt: 0, nextAt: input.dueAt };
    for (const name of Object.values(SIGNALS))
      setHandler(defineSignal(name), () => this.#tell(name), { description: "Read the row again." });
    setHandler(defineQuery<Progress>(QUERIES.progress), () => this.#progress, { description: "Where the run is." });
  }

  #tell(name: keyof typeof SIGNALS): void {
    this.#told = true;
    if (name === SIGNALS.runNow) this.#changes.hurry();
  }

  /** Waits until somebody decided, or the period is over: the row says which of the two came first. */
  async awaitApproval(expiresAt: number): Promise<Next> {
    await this.#startAfresh({ approvalExpiresAt: expiresAt });
    this.#progress = { step: "awaiting-approval", attempt: this.#progress.attempt, nextAt: expiresAt };
    if (await this.#toldBefore(expiresAt, "waits for approval")) return this.change();
    const { code, run } = this.#input;
    const { expire } = ownActivities("expire, unless somebody decided just in time");
    const result = await expire({ code, run });
    switch (result.kind) {
      case "ended":
        return this.#over(result.state);
      case "awaiting-approval":
        return { approveUntil: notAtOnce(result.expiresAt) };
      case "approved":
        return { until: result.dueAt, wait: "time" };
    }
  }

  /** Waits for a moment, or for somebody to say that the row changed. */
  async waitUntil(at: number, wait: keyof typeof WAITS): Promise<void> {
    await this.#startAfresh({ dueAt: this.#told ? Date.now() : at });
    this.#progress = { ...this.#progress, step: "waiting", nextAt: at };
    await this.#toldBefore(at, WAITS[wait]);
  }

  /** Whether somebody says that the row changed before the moment comes. */
  async #toldBefore(at: number, summary: string): Promise<boolean> {
    const ms = at - Date.now();
    const latest = new Date(at).toISOString().replace("T", " ").slice(0, -5);
    if (ms > 0) await condition(() => this.#told, ms, { summary: `${summary}, at most until ${latest} UTC` });
    const told = this.#told;
    this.#told = false;
    return told;
  }

  async change(): Promise<Next> {
    this.#progress = { step: "changing", attempt: this.#progress.attempt };
    const result = await this.#changes.next();
    switch (result.kind) {
      case "succeeded":
        return this.#succeeded(result);
      case "failed":
        return this.#settle(result);
      case "in-doubt":
      case "running":
        return doubt;
      case "parked":
        this.#progress = { ...this.#progress, waitingFor: result.waitingFor };
        return { until: notAtOnce(result.recheckAt), wait: result.waitingFor };
      case "awaiting-approval":
        return { approveUntil: result.expiresAt };
      case "not-yours":
        return this.#over(result.state);
    }
  }

  async probe(): Promise<Next> {
    this.#progress = { step: "probing", attempt: this.#progress.attempt };
    const { code, run } = this.#input;
    const { probe } = probeActivities(this.#input, "find out which password the device has");
    const result = await probe({ code, run });
    switch (result.kind) {
      case "succeeded":
        return this.#succeeded(result);
      case "failed":
        return this.#settle(result);
      case "apply-again":
        return this.#applyAgain(result.epoch);
      case "undecided":
        await this.waitUntil(result.nextAt, "look");
        return doubt;
      case "waiting":
        // A change that is lost each time before it begins must not be asked for again and again at once.
        return { until: Math.max(result.dueAt, Date.now() + this.#pause()), wait: "attempt" };
      case "not-yours":
        return this.#over(result.state);
    }
  }

  /** It waits for the device or a log-in as others do, and not with further looks: each would cost failed log-ins. */
  async #applyAgain(epoch: number): Promise<Next> {
    for (;;) {
      this.#changes.again(epoch);
      const next = await this.change();
      if (!("until" in next)) return next;
      await this.waitUntil(next.until, next.wait);
    }
  }

  #pause(): number {
    const pause = Math.min(SHORTEST_PAUSE_MS * 2 ** this.#lost, LONGEST_PAUSE_MS);
    this.#lost += 1;
    return pause;
  }

  async #settle(failed: { attempt: number; epoch: number; code: ErrorCode }): Promise<Next> {
    this.#progress = { step: "settling", attempt: failed.attempt };
    const { code, run } = this.#input;
    const { settle } = ownActivities(`note that attempt ${failed.attempt} failed: ${failed.code}`);
    const result = await settle({ code, run, epoch: failed.epoch, reason: failed.code });
    this.#changes.failed(failed.attempt);
    if (result.kind === "again") return { until: result.dueAt, wait: "attempt" };
    // Somebody took the attempt over before it could be settled, and may not live to tell what came of it.
    return result.state === "running" ? doubt : this.#over(result.state);
  }

  async #succeeded({ attempt, children }: { attempt: number; children: boolean }): Promise<Next> {
    if (children) await startChain(this.#input.code);
    return this.#done(attempt, "succeeded");
  }

  /** Others ended it. Who promoted it may not have lived to say whether children follow: the chain asks the row. */
  async #over(state: OperationState): Promise<Next> {
    const { attempt } = this.#progress;
    return state === "succeeded" ? this.#succeeded({ attempt, children: true }) : this.#done(attempt, state);
  }

  #done(attempt: number, state: OperationState): Next {
    this.#progress = { step: "done", attempt };
    return { ended: state };
  }

  /** A history that grew long begins anew at a wait, where nothing but the moment has to be kept. */
  async #startAfresh(at: { dueAt: number } | { approvalExpiresAt: number }): Promise<void> {
    if (!workflowInfo().continueAsNewSuggested) return;
    const { approvalExpiresAt: _before, ...input } = this.#input;
    await continueAsNew<typeof operation>({ ...input, priority: this.#changes.priority, ...at });
  }
}

/** The database's clock may be behind Temporal's: what it says is not due yet is not asked for again at once. */
function notAtOnce(at: number): number {
  return Math.max(at, Date.now() + CLOCKS_DIFFER_MS);
}

/** The chain lives on when this run has ended. */
async function startChain(code: number): Promise<void> {
  try {
    await startChild(WORKFLOWS.chain, {
      workflowId: chainWorkflowId(code),
      parentClosePolicy: "ABANDON",
      workflowIdReusePolicy: "ALLOW_DUPLICATE",
      staticSummary: `Children of operation ${code}`,
      args: [{ code }],
    });
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
  }
}
