import type { ErrorCode } from "../contracts/errors.ts";
import type { HeartbeatDetails } from "../contracts/messages.ts";
import type { Step } from "../contracts/states.ts";
import type { AttemptRecord } from "../db/queries/attempt.ts";
import type { StepRecord } from "../db/schema/index.ts";
import { PluginFailure } from "../plugins/plugin.ts";

/** Longest transcript and detail that are kept, in characters. */
const MAX_TRANSCRIPT = 16_384;
const MAX_DETAIL = 2_000;

/**
 * Keeps what an attempt has to tell, and says by heartbeat where it is. Heartbeats come by the clock alone: most
 * changes are over before the first, and each costs Temporal a write.
 */
export class Journal {
  readonly #steps: StepRecord[] = [];
  readonly #timer: NodeJS.Timeout;
  #transcript = "";
  #detail = "";
  #now: HeartbeatDetails = { step: "stage", attempt: 0 };

  /**
   * @param heartbeat called every `everyMs` milliseconds with where the attempt is
   */
  constructor(heartbeat: (details: HeartbeatDetails) => void, everyMs: number) {
    this.#timer = setInterval(() => heartbeat(this.#now), everyMs);
    this.#timer.unref();
  }

  /** Says which attempt the following steps belong to. */
  begin(attempt: number): void {
    this.#now = { ...this.#now, attempt };
  }

  /** Runs one step and keeps its start, duration and, if it failed, its code. */
  async step<T>(step: Step, work: () => Promise<T>): Promise<T> {
    this.#now = { ...this.#now, step };
    const startedAt = new Date().toISOString();
    const begun = performance.now();
    const keep = (code?: ErrorCode) =>
      this.#steps.push({ step, startedAt, ms: Math.round(performance.now() - begun), ...(code ? { code } : {}) });
    try {
      const result = await work();
      keep();
      return result;
    } catch (error) {
      keep(error instanceof PluginFailure ? error.code : "service.fault");
      throw error;
    }
  }

  /** Takes a line that the plugin's middleware has redacted already. */
  transcript(line: string): void {
    if (this.#transcript.length < MAX_TRANSCRIPT) this.#transcript += `${line}\n`.slice(0, MAX_TRANSCRIPT);
  }

  /** Takes what the device said, redacted already. */
  detail(text: string): void {
    this.#detail = text.slice(0, MAX_DETAIL);
  }

  record(): AttemptRecord {
    return { steps: [...this.#steps], transcript: this.#transcript, detail: this.#detail };
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
