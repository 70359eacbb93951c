import type { Client } from "@temporalio/client";
import type { Logger } from "pino";
import { chainWorkflowId, operationWorkflowId } from "../contracts/ids.ts";
import { type RepairResult, SIGNALS } from "../contracts/messages.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { Database } from "../db/client.ts";
import { foldEvents } from "../db/queries/operation-counts.ts";
import {
  claimMend,
  expireUntaken,
  noteChained,
  noteQueued,
  type Overdue,
  type OverdueMark,
  readOverdue,
  readUnchained,
  reviveRun,
} from "../db/queries/repair.ts";
import { inLanes } from "../contracts/lanes.ts";
import { hasWorker, startChain, startOperation, wakeOperation, workflowStatus } from "./starts.ts";

/** Rows read at once, and looked at at once. */
const BATCH = 500;
const AT_ONCE = 10;
/** A pass reads no more rows after so long: the next minute's goes on. */
const TAKE_MS = 40_000;

type Mend = keyof RepairResult;

export interface RepairTools {
  readonly db: Database;
  readonly client: Client;
  readonly settings: Settings;
  readonly log: Logger;
}

/** Mends what did not move when it should have: in health there is nothing. */
export async function repair(tools: RepairTools): Promise<RepairResult> {
  const done: Record<Mend, number> = { started: 0, signalled: 0, revived: 0, expired: 0, chained: 0 };
  const attempt = async (code: number, mend: () => Promise<Mend | undefined>) => {
    try {
      const mended = await mend();
      if (mended) done[mended] += 1;
    } catch (error) {
      // One row that cannot be mended must not keep the sweep from the others.
      tools.log.error({ err: error, code }, "an operation could not be mended; the next sweep tries again");
    }
  };
  const served = servedSites(tools.client);
  const until = performance.now() + TAKE_MS;
  let after: OverdueMark | undefined;
  do {
    const rows = await readOverdue(tools.db, BATCH, after);
    await inLanes(rows, AT_ONCE, (row) => attempt(row.code, () => mendRow(tools, row, served)));
    after = rows.length === BATCH ? rows.at(-1) : undefined;
  } while (after && performance.now() < until);
  for (const code of await readUnchained(tools.db, BATCH)) await attempt(code, () => mendChain(tools, code));
  // Once a minute, whether anybody reads counts or not: events are added to them and old ones go.
  await foldEvents(tools.db).catch((error: unknown) => tools.log.error({ err: error }, "events could not be folded"));
  return done;
}

/** Whether a site has a worker, asked once a pass. */
function servedSites(client: Client): (site: string) => Promise<boolean> {
  const asked = new Map<string, Promise<boolean>>();
  return (site) => {
    const known = asked.get(site) ?? hasWorker(client, site);
    asked.set(site, known);
    return known;
  };
}

async function mendRow(
  { db, client, settings }: RepairTools,
  row: Overdue,
  served: (site: string) => Promise<boolean>,
): Promise<Mend | undefined> {
  if (await expireUntaken(db, row.code, settings)) {
    await wakeOperation(client, row);
    return "expired";
  }
  if (row.unclaimed) {
    await noteQueued(db, row.code, (await served(row.site)) ? "queue" : "worker");
    return undefined;
  }
  const { workflow, queued } = await workflowStatus(client, operationWorkflowId(row.code, row.run));
  switch (workflow) {
    case "missing":
      if (!(await claimMend(db, row, "started"))) return undefined;
      await startOperation(client, row, settings);
      return "started";
    case "open":
      // In a full queue it stands where it should: only a missing worker is worth telling.
      if (queued) {
        // The signal of a run-now may have been lost.
        if (row.priority === 1) await wakeOperation(client, row, SIGNALS.runNow);
        await noteQueued(db, row.code, (await served(row.site)) ? "queue" : "worker");
        return undefined;
      }
      if (!(await claimMend(db, row, "signalled"))) return undefined;
      await wakeOperation(client, row);
      return "signalled";
    case "closed": {
      const run = await reviveRun(db, row);
      if (run === undefined) return undefined;
      await startOperation(client, { ...row, run }, settings);
      return "revived";
    }
  }
}

/** A success whose children have not all got their operations, and no chain at work on it. */
async function mendChain({ db, client }: RepairTools, code: number): Promise<Mend | undefined> {
  if ((await workflowStatus(client, chainWorkflowId(code))).workflow === "open") return undefined;
  if (!(await startChain(client, code))) return undefined;
  await noteChained(db, code);
  return "chained";
}
