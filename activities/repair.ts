import type { Client } from "@temporalio/client";
import type { Logger } from "pino";
import type { RepairResult } from "../contracts/messages.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import type { Database } from "../db/client.ts";
import { expireUntaken, noteMended, readOverdue, reviveRun } from "../db/queries/repair.ts";
import type { OperationRow } from "../db/queries/stage-facts.ts";
import { startOperation, wakeOperation, workflowState } from "./starts.ts";

/** Rows one pass looks at. */
const BATCH = 500;

type Mend = keyof RepairResult;

export interface RepairTools {
  readonly db: Database;
  readonly client: Client;
  readonly settings: Settings;
  readonly log: Logger;
}

/** Mends open operations that did not move when they should have: in health there are none. */
export async function repair(tools: RepairTools): Promise<RepairResult> {
  const done: Record<Mend, number> = { started: 0, signalled: 0, revived: 0, expired: 0 };
  for (const row of await readOverdue(tools.db, BATCH)) {
    try {
      const mend = await mendRow(tools, row);
      if (mend) done[mend] += 1;
    } catch (error) {
      // One row that cannot be mended must not keep the sweep from the others.
      tools.log.error({ err: error, code: row.code }, "an operation could not be mended; the next sweep tries again");
    }
  }
  return done;
}

async function mendRow({ db, client, settings }: RepairTools, row: OperationRow): Promise<Mend | undefined> {
  if (await expireUntaken(db, row.code, settings.noWorkerHours)) {
    await wakeOperation(client, row);
    return "expired";
  }
  switch (await workflowState(client, row)) {
    case "missing":
      await startOperation(client, row, settings);
      await noteMended(db, row.code, "started");
      return "started";
    case "open":
      await wakeOperation(client, row);
      await noteMended(db, row.code, "signalled");
      return "signalled";
    case "closed": {
      const run = await reviveRun(db, row);
      if (run === undefined) return undefined;
      await startOperation(client, { ...row, run }, settings);
      return "revived";
    }
  }
}
