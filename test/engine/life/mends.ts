/** Ways in which what moves an operation gets lost, done on purpose, and what the sweep says it mended. */
import { randomUUID } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import { inArray, sql } from "drizzle-orm";
import { workflowStatus } from "../../../activities/starts.ts";
import { MAIN_QUEUE, operationWorkflowId } from "../../../contracts/ids.ts";
import { SIGNALS, WORKFLOWS } from "../../../contracts/messages.ts";
import * as schema from "../../../db/schema/index.ts";
import { freePort, until } from "../../../scripts/engine/ports.ts";
import type { Estate } from "../../helpers/estate.ts";

const { audit, operations } = schema;

export type Mends = Readonly<Record<"started" | "signalled" | "revived" | "expired" | "chained", number>>;

/** How long a loaded machine may take to start or end what is waited for. */
const WITHIN = { timeoutMs: 120_000, everyMs: 100 };

/** A look into Temporal from beside the product. */
export class Tamperer {
  readonly #estate: Estate;
  readonly #connection: Connection;
  readonly #client: Client;
  readonly metricsPort: number;

  private constructor(estate: Estate, connection: Connection, metricsPort: number) {
    this.#estate = estate;
    this.#connection = connection;
    this.#client = new Client({ connection, namespace: estate.surroundings.temporal.namespace });
    this.metricsPort = metricsPort;
  }

  static async open(estate: Estate): Promise<Tamperer> {
    const { address } = estate.surroundings.temporal;
    return new Tamperer(estate, await Connection.connect({ address }), await freePort());
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Waits until each operation's first run is there; with `queued`, until its change stands in the queue. */
  async started(codes: readonly number[], { queued = false } = {}): Promise<void> {
    for (const code of codes)
      await until(
        async () => {
          const status = await workflowStatus(this.#client, operationWorkflowId(code, 1));
          return status.workflow === "open" && (status.queued || !queued);
        },
        { what: `the start of ${code}`, ...WITHIN },
      );
  }

  /** Ends the runs as an operator could: nothing of theirs goes on. */
  async terminate(codes: readonly number[]): Promise<void> {
    for (const code of codes)
      await this.#client.workflow.getHandle(operationWorkflowId(code, 1)).terminate("on purpose");
  }

  /** Tells the operations' present runs to read their rows again. */
  async wake(codes: readonly number[]): Promise<void> {
    for (const code of codes) {
      const { run } = await this.#estate.operation(code);
      await this.#client.workflow.getHandle(operationWorkflowId(code, run)).signal(SIGNALS.wake);
    }
  }

  /** Waits until the operation's first run has ended by itself. */
  async closed(code: number): Promise<unknown> {
    return this.#client.workflow.getHandle(operationWorkflowId(code, 1)).result();
  }

  /** As if a worker had claimed the rows and died before it started their workflows. */
  async suppressStarts(codes: readonly number[]): Promise<void> {
    await this.#estate.db
      .update(operations)
      .set({ startedRun: operations.run })
      .where(inArray(operations.code, [...codes]));
  }

  /** Ten minutes pass for what should have moved by now. */
  async letTimePass(codes: readonly number[]): Promise<void> {
    const ago = sql`now() - interval '10 minutes'`;
    await this.#estate.db
      .update(operations)
      .set({
        wakeAt: sql`case when ${operations.wakeAt} is not null then ${ago} end`,
        endedAt: sql`case when ${operations.endedAt} is not null then ${ago} end`,
      })
      .where(inArray(operations.code, [...codes]));
  }

  /** Runs a repair sweep. */
  async sweep(): Promise<void> {
    const workflowId = `sweep-${randomUUID()}`;
    await this.#client.workflow.execute(WORKFLOWS.repairSweep, { taskQueue: MAIN_QUEUE, workflowId });
  }

  /** What the worker's own metric counts. */
  async metric(): Promise<Mends> {
    const text = await (await fetch(`http://127.0.0.1:${this.metricsPort}/metrics`)).text();
    const count = (mend: string) =>
      Number(new RegExp(`^keyturn_repaired_total\\{mend="${mend}"\\} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
    return mendsBy(count);
  }

  /** What the audit tells of mending. */
  async audited(): Promise<Mends> {
    const rows = await this.#estate.db
      .select({ action: audit.action })
      .from(audit)
      .where(sql`${audit.action} like 'repair.%'`);
    return mendsBy((mend) => rows.filter(({ action }) => action === `repair.${mend}`).length);
  }
}

export function mendsBy(count: (mend: keyof Mends) => number): Mends {
  return {
    started: count("started"),
    signalled: count("signalled"),
    revived: count("revived"),
    expired: count("expired"),
    chained: count("chained"),
  };
}
