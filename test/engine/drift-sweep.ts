import { Client, Connection } from "@temporalio/client";
import { eq } from "drizzle-orm";
import { DRIFT_SCHEDULE, MAIN_QUEUE } from "../../contracts/ids.ts";
import { type DriftCounts, WORKFLOWS } from "../../contracts/messages.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { credentials, loginReservations } from "../../db/schema/index.ts";
import { Estate } from "../helpers/estate.ts";
import { pauseSchedule } from "../helpers/paused-schedule.ts";

/** An estate with drift checks, and no passes but those a test asks for. */
export async function openDriftEstate(settings: Partial<Settings> = {}): Promise<Estate> {
  const estate = await Estate.open({ driftHours: 24, ...settings });
  await pauseSchedule(estate, DRIFT_SCHEDULE);
  return estate;
}

/** One pass of drift checks, at once. */
export async function checkDriftNow({ surroundings: { temporal } }: Estate): Promise<DriftCounts> {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });
  try {
    const options = { taskQueue: MAIN_QUEUE, workflowId: `drift-${Date.now()}` };
    return (await client.workflow.execute(WORKFLOWS.driftSweep, options)) as DriftCounts;
  } finally {
    await connection.close();
  }
}

/** What the last check of a credential said. */
export async function lastCheck({ db }: Estate, credentialId: string) {
  const [row] = await db
    .select({
      verdict: credentials.lastCheck,
      code: credentials.lastCheckCode,
      at: credentials.lastCheckAt,
      since: credentials.lastCheckSince,
      attention: credentials.attention,
    })
    .from(credentials)
    .where(eq(credentials.id, credentialId));
  if (!row) throw new Error("no such credential");
  return row;
}

/** Lets a day pass for everything that was checked, and for failed log-ins. */
export async function nextDay({ db }: Estate): Promise<void> {
  const day = new Date(Date.now() - 25 * 3_600_000);
  await db.update(credentials).set({ driftAt: day, lastCheckAt: day });
  await db.delete(loginReservations);
}
