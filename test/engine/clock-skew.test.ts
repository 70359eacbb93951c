/** A database whose clock is behind: a run that Temporal's clock wakes too early waits, and does not ask again at once. */
import { Client, Connection } from "@temporalio/client";
import { sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { operationWorkflowId } from "../../contracts/ids.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { needApprovals } from "../helpers/approvals.ts";
import { putClockBack } from "../helpers/clock.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let worker: TestWorker | undefined;
let connection: Connection;

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open();
  connection = await Connection.connect({ address: estate.surroundings.temporal.address });
  await putClockBack(estate, "6 seconds");
});
afterEach(async () => {
  await worker?.kill();
  worker = undefined;
  await connection.close();
  await estate.close();
});

/** What the run did, in order: activities by name, and timers. */
async function steps(code: number): Promise<string[]> {
  const { namespace } = estate.surroundings.temporal;
  const { events } = await new Client({ connection, namespace }).workflow
    .getHandle(operationWorkflowId(code, 1))
    .fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled, timerStartedEventAttributes }) =>
    scheduled ? [scheduled.activityType?.name ?? ""] : timerStartedEventAttributes ? ["timer"] : [],
  );
}

/** A change of a new account, requested while the worker is there; `soon` is a moment by everybody else's clock. */
async function request(column: "due_at" | "approval_expires_at") {
  const account = await addAccount(estate, target, await addTarget(estate, target));
  worker = await TestWorker.start(estate.surroundings);
  const actor = { actor: "test", person: "tester" };
  const asked = { credentialIds: [account.credentialId], reason: "", actor, plugins: PLUGINS };
  const code = await estate.db.transaction(async (tx) => {
    const { operations } = await requestChanges(tx, asked);
    const soon = sql`pg_catalog.clock_timestamp() + interval '2 seconds'`;
    await tx.execute(sql`update operations set ${sql.raw(column)} = ${soon}, wake_at = ${soon}`);
    return operations[0]?.code ?? 0;
  });
  return { account, code };
}

it("of a change that is due by Temporal's clock alone", async () => {
  const { account, code } = await request("due_at");
  await estate.until(code);
  const done = await steps(code);
  expect(done.filter((step) => step === "change").length).toBeGreaterThan(1);
  expect(done.join(" ")).not.toContain("change change");
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("of an approval that is over by Temporal's clock alone", async () => {
  await needApprovals(estate.db, 1);
  const { code } = await request("approval_expires_at");
  await estate.until(code, ["expired"]);
  const done = await steps(code);
  expect(done.filter((step) => step === "expire").length).toBeGreaterThan(1);
  expect(done.join(" ")).not.toContain("expire expire");
});
