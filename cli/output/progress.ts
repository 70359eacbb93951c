import type { Io } from "../io.ts";

/** One line about what is waited for: rewritten on a terminal, else written again at each change. */
export class ProgressLine {
  readonly #io: Io;
  #last = "";

  constructor(io: Io) {
    this.#io = io;
  }

  show(text: string): void {
    if (text === this.#last) return;
    this.#last = text;
    this.#io.errors.write(this.#io.errors.isTTY ? `\r\u001B[K${text}` : `${text}\n`);
  }

  /** Leaves the line as it stands and goes below it. */
  end(): void {
    if (this.#last !== "" && this.#io.errors.isTTY) this.#io.errors.write("\n");
  }
}
