import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { ended } from "../engine/processes.ts";

/** A child that runs now. */
export interface Running {
  readonly child: ChildProcess;
  /** Ends it in order. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** One that lived so long is no longer failing: its next pause is the first one again. */
const HEALTHY_MS = 30_000;

/** Keeps one process running: whatever ends it, it is started again, after growing pauses while that fails. */
export class Service {
  readonly name: string;
  readonly #start: () => Promise<Running>;
  readonly #say: (line: string) => void;
  readonly #stopping = new AbortController();
  #running: Running | undefined;
  #watch: Promise<void> = Promise.resolve();

  constructor(name: string, start: () => Promise<Running>, say: (line: string) => void) {
    this.name = name;
    this.#start = start;
    this.#say = say;
  }

  /** Process id at this moment; undefined between an end and the next start. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /** @throws whatever the first start throws: nothing is kept running that never ran */
  async start(): Promise<void> {
    this.#running = await this.#start();
    this.#watch = this.#keep();
  }

  /** SIGKILL to the process, and no new start: for a person who does not want to wait. */
  abandon(): void {
    this.#stopping.abort();
    this.#running?.child.kill("SIGKILL");
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.stop();
    await this.#watch;
    // A start that was under way when the stop came.
    await this.#running?.stop();
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    for (let pause = FIRST_PAUSE_MS; this.#running;) {
      const since = Date.now();
      const { child } = this.#running;
      await ended(child);
      if (signal.aborted) return;
      if (Date.now() - since > HEALTHY_MS) pause = FIRST_PAUSE_MS;
      this.#running = undefined;
      this.#say(`${this.name} ended (${child.signalCode ?? `exit code ${child.exitCode}`}); starting it again`);
      pause = await this.#startAgain(pause);
    }
  }

  /** Tries until it runs or is to stop. Returns the pause before the next try. */
  async #startAgain(firstPause: number): Promise<number> {
    const { signal } = this.#stopping;
    let pause = firstPause;
    while (!this.#running && !signal.aborted) {
      await sleep(pause, undefined, { signal }).catch(() => {});
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      if (signal.aborted) break;
      await this.#start().then(
        (running) => {
          this.#running = running;
          this.#say(`${this.name} runs again`);
        },
        (error: unknown) => this.#say(`${this.name} could not be started: ${messageOf(error)}`),
      );
    }
    return pause;
  }
}

/** The sentence of an error, for a person. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
