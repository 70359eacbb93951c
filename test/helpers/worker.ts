import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Moment } from "../../activities/deps.ts";
import { prebuiltWorkflows } from "./temporal.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
/** What the SDK says when Temporal did not answer in time. */
const BUSY = "Timeout expired";

/** What the worker of a test works on. */
export interface Surroundings {
  readonly databaseUrl: string;
  readonly temporal: { readonly address: string; readonly namespace: string };
  /** The sealing key, base64. */
  readonly key: string;
}

/** A real worker process. */
export class TestWorker {
  readonly #child: ChildProcess;
  readonly #reached: Moment[] = [];
  readonly #waiting = new Map<Moment, () => void>();
  /** Everything it printed. */
  log = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (text: Buffer) => (this.log += text.toString()));
    child.on("message", (message: { moment?: Moment }) => {
      if (!message.moment) return;
      this.#reached.push(message.moment);
      this.#waiting.get(message.moment)?.();
    });
  }

  /** Starts a worker and waits until it works; it is held once at each of the moments. */
  static async start(
    surroundings: Surroundings,
    moments: readonly Moment[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<TestWorker> {
    for (let attempt = 1; ; attempt += 1) {
      const worker = await TestWorker.#spawn(surroundings, moments, environment);
      if (await worker.#works()) return worker;
      // What runs workers starts one again that ends at its start; a busy server's answer comes after the SDK's limit.
      if (attempt === 3 || !worker.log.includes(BUSY)) throw new Error(`the worker did not start:\n${worker.log}`);
    }
  }

  static async #spawn(
    surroundings: Surroundings,
    moments: readonly Moment[],
    environment: Readonly<Record<string, string>>,
  ): Promise<TestWorker> {
    const child = spawn(
      process.execPath,
      ["--import", "./scripts/fast-imports.mjs", "test/helpers/worker-at-moments.ts", moments.join(",")],
      {
        cwd: CHECKOUT,
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        env: {
          ...process.env,
          DATABASE_URL: surroundings.databaseUrl,
          TEMPORAL_ADDRESS: surroundings.temporal.address,
          TEMPORAL_NAMESPACE: surroundings.temporal.namespace,
          KEYTURN_KEY: surroundings.key,
          KEYTURN_LOG_LEVEL: "info",
          KEYTURN_WORKFLOW_BUNDLE: await prebuiltWorkflows(),
          ...environment,
        },
      },
    );
    return new TestWorker(child);
  }

  /** Waits until it works, or has ended. */
  async #works(): Promise<boolean> {
    const ready = once(this.#child, "message").then(() => true);
    return Promise.race([ready, once(this.#child, "close").then(() => false)]);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Waits until the worker is held at the moment. */
  async reached(moment: Moment): Promise<void> {
    if (this.#reached.includes(moment)) return;
    const gone = once(this.#child, "exit").then(() => {
      throw new Error(`the worker ended before ${moment}:\n${this.log}`);
    });
    await Promise.race([new Promise<void>((resolve) => this.#waiting.set(moment, resolve)), gone]);
  }

  /** Lets a held worker go on: everywhere, or where it is held at the moment. */
  go(moment: Moment | "all" = "all"): void {
    this.#child.send({ go: moment });
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  /** As a power failure. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGCONT");
    this.#child.kill(signal);
    await gone;
  }
}
