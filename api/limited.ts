/** Does work in the order it came, so many pieces at once. */
export class Limited {
  readonly #most: number;
  readonly #waiting: (() => Promise<unknown>)[] = [];
  #busy = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @param work never fails */
  add(work: () => Promise<unknown>): void {
    this.#waiting.push(work);
    this.#next();
  }

  /** Forgets what has not begun. */
  clear(): void {
    this.#waiting.length = 0;
  }

  #next(): void {
    while (this.#busy < this.#most) {
      const work = this.#waiting.shift();
      if (!work) return;
      this.#busy += 1;
      void work().finally(() => {
        this.#busy -= 1;
        this.#next();
      });
    }
  }
}
