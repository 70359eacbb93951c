import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { ErrorCode } from "../contracts/errors.ts";
import {
  type ChangeResult,
  type OperationInput,
  type ProbeResult,
  type Progress,
  QUERIES,
  SIGNALS,
} from "../contracts/messages.ts";
import type { OperationState } from "../contracts/states.ts";
import { probeActivities, settle, siteActivities } from "./activity-options.ts";

/** Where the run goes next: it waits until then, looks into a doubt, or is over. */
type Next = { readonly until: number } | { readonly doubt: true } | { readonly ended: OperationState };

const doubt: Next = { doubt: true };

/**
 * The life of one run of an operation. The row in PostgreSQL decides what may happen; this workflow owns time, order
 * and retries: wait for the time, change, and after any doubt probe until it is known what the device has.
 */
export async function operation(input: OperationInput): Promise<OperationState> {
  const run = new Run(input);
  let next: Next = { until: input.dueAt };
  for (;;) {
    if ("ended" in next) break;
    else if ("doubt" in next) next = await run.probe();
    else next = (await run.waitUntil(next.until), await run.change());
  }
  await condition(allHandlersFinished);
  return next.ended;
}

class Run {
  #input: OperationInput;
  #progress: Progress;
  #poked = false;
  /** Set by a probe that wants the same candidate applied once more. */
  #again: { readonly epoch: number } | undefined;

  constructor(input: OperationInput) {
    this.#input = input;
    this.#progress = { step: "waiting", attempt: 0, nextAt: input.dueAt };
    for (const name of Object.values(SIGNALS))
      setHandler(defineSignal(name), () => this.#poke(name), { description: "Read the row again." });
    setHandler(defineQuery<Progress>(QUERIES.progress), () => this.#progress, { description: "Where the run is." });
  }

  #poke(name: keyof typeof SIGNALS): void {
    this.#poked = true;
    if (name === SIGNALS.runNow) this.#input = { ...this.#input, priority: 1 };
  }

  /** Waits for a moment, or for somebody to say that the row changed. */
  async waitUntil(at: number): Promise<void> {
    this.#progress = { ...this.#progress, step: "waiting", nextAt: at };
    if (workflowInfo().continueAsNewSuggested)
      await continueAsNew<typeof operation>({ ...this.#input, dueAt: this.#poked ? Date.now() : at });
    const ms = at - Date.now();
    if (ms > 0) await condition(() => this.#poked, ms, { summary: "waits for its time or a word" });
    this.#poked = false;
  }

  async change(): Promise<Next> {
    const again = this.#again;
    this.#again = undefined;
    this.#progress = { step: "changing", attempt: this.#progress.attempt };
    const { code, run } = this.#input;
    const summary = again ? "apply the same password again" : "stage, log in, send, prove, promote";
    let result: ChangeResult;
    try {
      result = await siteActivities(this.#input, summary).change({
        code,
        run,
        ...(again ? { againEpoch: again.epoch } : {}),
      });
    } catch (error) {
      if (error instanceof ActivityFailure) return doubt;
      throw error;
    }
    switch (result.kind) {
      case "succeeded":
        return this.#done(result.attempt, "succeeded");
      case "failed":
        return this.#settle(result);
      case "in-doubt":
        return doubt;
      case "parked":
        this.#progress = { ...this.#progress, waitingFor: result.waitingFor };
        return { until: result.recheckAt };
      case "not-yours":
        return { ended: result.state };
    }
  }

  async probe(): Promise<Next> {
    this.#progress = { step: "probing", attempt: this.#progress.attempt };
    const { code, run } = this.#input;
    const result: ProbeResult = await probeActivities(this.#input, "find out which password the device has").probe({
      code,
      run,
    });
    switch (result.kind) {
      case "succeeded":
        return this.#done(result.attempt, "succeeded");
      case "failed":
        return this.#settle(result);
      case "apply-again":
        this.#again = { epoch: result.epoch };
        return this.change();
      case "undecided":
        await this.waitUntil(result.nextAt);
        return doubt;
      case "waiting":
        return { until: result.dueAt };
      case "not-yours":
        return { ended: result.state };
    }
  }

  async #settle(failed: { attempt: number; epoch: number; code: ErrorCode }): Promise<Next> {
    this.#progress = { step: "settling", attempt: failed.attempt };
    const { code, run } = this.#input;
    const result = await settle({ code, run, epoch: failed.epoch, reason: failed.code });
    if (result.kind === "again") return { until: result.dueAt };
    // Somebody took the attempt over before it could be settled, and may not live to tell what came of it.
    return result.state === "running" ? doubt : this.#done(failed.attempt, result.state);
  }

  #done(attempt: number, state: OperationState): Next {
    this.#progress = { step: "done", attempt };
    return { ended: state };
  }
}
