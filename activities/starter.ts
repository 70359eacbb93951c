import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import type { Logger } from "pino";
import { SIGNALS } from "../contracts/messages.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { Database } from "../db/client.ts";
import { claimStartable, readOvertaken, readQueued, type Startable, unclaim } from "../db/queries/starter.ts";
import { inLanes } from "../contracts/lanes.ts";
import { startOperation, wakeOperation } from "./starts.ts";

/** Rows claimed at once, and workflows started at once. */
const BATCH = 100;
const AT_ONCE = 20;
/** Runs of one site that stand in Temporal's queue at once: enough for all slots until the next look. */
const AHEAD = 100;
/** How long the starter sleeps when no notification comes, and while a site has enough in its queue. Milliseconds. */
const IDLE_MS = 1_000;
const FULL_MS = 250;

export interface StarterDeps {
  readonly db: Database;
  readonly client: Client;
  readonly log: Logger;
  settings(): Promise<Settings>;
}

/** Starts a workflow for every committed row that has none yet, so that any number of requests is one insert. */
export class Starter {
  readonly #deps: StarterDeps;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Runs it started that still stand in a queue, with their sites. */
  #queued = new Map<number, string>();

  constructor(deps: StarterDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#running = this.#loop();
  }

  /** Looks at once: new rows were committed. */
  poke(): void {
    this.#wake.abort();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#wake = new AbortController();
      let full: string[] = [];
      try {
        full = await this.#fullSites();
        if ((await this.#pass(full)) === BATCH) continue;
      } catch (error) {
        this.#deps.log.warn({ err: error }, "the starter could not look for new operations; it tries again");
      }
      const signal = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
      await sleep(full.length > 0 ? FULL_MS : IDLE_MS, undefined, { signal }).catch(() => {});
    }
  }

  /** Sites that have enough in their queues. What another worker has put there is that one's to count. */
  async #fullSites(): Promise<string[]> {
    if (this.#queued.size < AHEAD) return [];
    const queued = await readQueued(this.#deps.db, [...this.#queued.keys()]);
    this.#queued = new Map(queued.map((code) => [code, this.#queued.get(code) ?? ""]));
    const bySite = Map.groupBy(this.#queued.values(), (site) => site);
    return [...bySite].filter(([, runs]) => runs.length >= AHEAD).map(([site]) => site);
  }

  /** Claims and starts one batch; returns how many were started. A full one says that there may be more. */
  async #pass(full: readonly string[]): Promise<number> {
    const { db, log } = this.#deps;
    const rows = await claimStartable(db, BATCH, full);
    for (const { code, site } of rows) this.#queued.set(code, site);
    if (rows.length === 0) return 0;
    const settings = await this.#deps.settings();
    const failed: number[] = [];
    await inLanes(rows, AT_ONCE, async (row) => {
      try {
        await startOperation(this.#deps.client, row, settings);
      } catch (error) {
        failed.push(row.code);
        log.warn({ err: error, code: row.code }, "a workflow could not be started; it is tried again");
      }
    });
    await unclaim(db, failed);
    await this.#tellOvertaken(rows.filter(({ code }) => !failed.includes(code)));
    return rows.length - failed.length;
  }

  /** Rows that changed while their workflows were being started: the word to those came too early. */
  async #tellOvertaken(started: readonly Startable[]): Promise<void> {
    for (const run of await readOvertaken(this.#deps.db, started))
      await wakeOperation(this.#deps.client, run, run.hurried ? SIGNALS.runNow : SIGNALS.wake);
  }
}
