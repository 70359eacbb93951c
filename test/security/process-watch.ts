import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

interface Report {
  readonly passes: number;
  readonly seen: readonly string[];
}

/** Collects the arguments of all processes of the machine, also of those that live for milliseconds. */
export class ProcessWatch {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<ProcessWatch> {
    const script = fileURLToPath(new URL("sample-arguments.ts", import.meta.url));
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const watch = new ProcessWatch(child);
    await once(child, "spawn");
    await watch.look();
    return watch;
  }

  /** Every command line seen so far; whatever ran all through this call is among them. */
  async look(): Promise<readonly string[]> {
    const before = await this.#ask();
    for (;;) {
      const { passes, seen } = await this.#ask();
      // The first pass may have begun before the call.
      if (passes >= before.passes + 2) return seen;
    }
  }

  stop(): void {
    this.#child.disconnect();
  }

  async #ask(): Promise<Report> {
    const answer = once(this.#child, "message");
    this.#child.send("look");
    const [report] = (await answer) as [Report];
    return report;
  }
}
