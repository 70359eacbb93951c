import { ActivityFailure, workflowInfo } from "@temporalio/workflow";
import type { ChangeResult, OperationInput } from "../contracts/messages.ts";
import type { OperationKind, Priority } from "../contracts/states.ts";
import { siteActivities } from "./activity-options.ts";

/** Marks that somebody asked for immediate execution while a change was queued. */
const HURRY = Symbol("hurry");

/** Titles of the work in Temporal's pages, by kind where it is not the usual one. */
const CHANGE = "stage, log in, send, prove, promote";
const JOB = "log in, run the template";
const WORK: Readonly<Partial<Record<OperationKind, string>>> = {
  "credential-activation": JOB,
  "credential-inactivation": JOB,
  "user-creation": "log in, make the user, prove the password where it gets one",
  "user-deletion": JOB,
  "user-creation-in-group": JOB,
  "user-deletion-in-group": JOB,
  "group-creation": JOB,
  "group-deletion": JOB,
  "certificate-publication": JOB,
  "secret-management-automation": JOB,
  "task-manager": JOB,
  "aws-opsworks": JOB,
  "ephemeral-credential-removal": "log in, remove the account, prove that it is gone",
  "reconcile-password": "stage, log in with another account, send, prove, promote",
  "verify-password": "log in with the stored password",
};

/** What a run waits for: true when it was said, and old when the wait is over. */
const OF_THE_MOMENT: ReadonlySet<ChangeResult["kind"]> = new Set(["parked", "awaiting-approval", "running"]);

interface Scheduled {
  readonly priority: Priority;
  /** What it answered, once it did. */
  result?: ChangeResult;
  readonly answer: Promise<{ readonly from: Scheduled; readonly result: ChangeResult }>;
}

/**
 * The `change` activities of a run. There is one, except after run-now on one that waits in a full queue: then a
 * second is scheduled at the head, nothing is canceled, and the row decides which of them takes it.
 */
export class Changes {
  readonly #input: OperationInput;
  readonly #scheduled = new Set<Scheduled>();
  #priority: Priority;
  #hurried!: () => void;
  #hurry: Promise<typeof HURRY>;
  /** Number of the next attempt; a run that follows another learns it from its first failure. */
  #attempt: number | undefined;
  /** Set by a probe that wants the same candidate applied once more. */
  #againEpoch: number | undefined;

  constructor(input: OperationInput) {
    this.#input = input;
    this.#priority = input.priority;
    const isFirst = input.run === 1 && workflowInfo().continuedFromExecutionRunId === undefined;
    this.#attempt = isFirst ? 1 : undefined;
    this.#hurry = new Promise((resolve) => {
      this.#hurried = () => resolve(HURRY);
    });
  }

  get priority(): Priority {
    return this.#priority;
  }

  /** To the head of the queue, now and from now on. */
  hurry(): void {
    this.#priority = 1;
    this.#hurried();
  }

  /** The next change applies the candidate again that a probe holds under this epoch. */
  again(epoch: number): void {
    this.#againEpoch = epoch;
  }

  /** The next change makes the attempt after this one. */
  failed(attempt: number): void {
    this.#attempt = attempt + 1;
  }

  /** What the first change to get a slot found or did. One that found another at work says nothing new. */
  async next(): Promise<ChangeResult> {
    // What one that was left in the queue said while the run waited holds no more.
    for (const scheduled of this.#scheduled)
      if (scheduled.result && OF_THE_MOMENT.has(scheduled.result.kind)) this.#scheduled.delete(scheduled);
    this.#ensure();
    let taken = false;
    for (;;) {
      const answers = [...this.#scheduled].map(({ answer }) => answer);
      const first = await Promise.race(!taken && this.#mayHurry() ? [...answers, this.#hurry] : answers);
      if (first === HURRY) {
        this.#ensure();
        continue;
      }
      this.#scheduled.delete(first.from);
      if (first.result.kind !== "running" || this.#scheduled.size === 0) return first.result;
      // The row is another's: one more at the head of the queue would find the same, again and again.
      taken = true;
    }
  }

  /** Whether all that is scheduled stands further back than run-now would put it. */
  #mayHurry(): boolean {
    return [...this.#scheduled].every(({ priority }) => priority > 1);
  }

  /** Schedules a change unless one stands in the queue as far ahead as it should. */
  #ensure(): void {
    const ahead = [...this.#scheduled].some(({ priority }) => priority <= this.#priority);
    if (ahead && this.#againEpoch === undefined) return;
    const { code, run } = this.#input;
    const again = this.#againEpoch;
    this.#againEpoch = undefined;
    const { change } = siteActivities({ ...this.#input, priority: this.#priority }, this.#title(again !== undefined));
    const asked = change({ code, run, ...(again === undefined ? {} : { againEpoch: again }) }).catch(lost);
    const scheduled: Scheduled = {
      priority: this.#priority,
      answer: asked.then((result) => ({ from: scheduled, result: (scheduled.result = result) })),
    };
    this.#scheduled.add(scheduled);
  }

  #title(again: boolean): string {
    if (again) return "apply the same password again";
    if (this.#scheduled.size > 0) return "run now: the same at the head of the queue";
    const work = WORK[this.#input.kind] ?? CHANGE;
    return this.#attempt === undefined ? work : `attempt ${this.#attempt}: ${work}`;
  }
}

/** A change that was lost on the way leaves a doubt, whenever that is noticed. */
function lost(error: unknown): ChangeResult {
  if (error instanceof ActivityFailure) return { kind: "in-doubt", attempt: 0, code: "change.interrupted" };
  throw error;
}
