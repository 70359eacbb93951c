import { isCommandPrompt } from "./text.ts";

/** Devices whose prompt holds a clock or a counter show a new one each time: only so many are kept. */
const KEPT = 10;

/** The lines at which one account was seen to wait for a command on one device. */
export class KnownPrompts {
  readonly #lines = new Set<string>();

  /** Takes a line at which the device was quiet for long enough. A bare sign is none: lines of files begin so, too. */
  learn(line: string): void {
    if (!isCommandPrompt(line) || !/[\p{L}\p{N}]/u.test(line)) return;
    this.#lines.delete(line);
    this.#lines.add(line);
    for (const oldest of this.#lines) {
      if (this.#lines.size <= KEPT) return;
      this.#lines.delete(oldest);
    }
  }

  /** Whether a line that was left open is one of them, to the last blank. */
  has(line: string): boolean {
    return this.#lines.has(line);
  }
}
