/** Turns of the workflow that need others to come between: with a real worker, on PostgreSQL. */
import { Client, Connection } from "@temporalio/client";
import { eq, sql } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { Moment } from "../../activities/deps.ts";
import { operationWorkflowId } from "../../contracts/ids.ts";
import { SIGNALS } from "../../contracts/messages.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { addAccount, addTarget } from "./matrix-target.ts";
import { openPostgresTarget } from "./postgresql-target.ts";
import { proveNothingLost } from "./proof.ts";

const actor = { actor: "test", person: "tester" };

let target: Awaited<ReturnType<typeof openPostgresTarget>>;
let estate: Estate;
let worker: TestWorker | undefined;

beforeAll(async () => {
  target = await openPostgresTarget("own");
});
afterAll(() => target.close());
beforeEach(async () => {
  estate = await Estate.open();
});
afterEach(async () => {
  await worker?.kill();
  await estate.close();
});

async function begin(moments: readonly Moment[]) {
  worker = await TestWorker.start(estate.surroundings, moments);
  const account = await addAccount(estate, target, await addTarget(estate, target));
  return { worker, account };
}

it("an attempt that was taken over before it could be settled is looked into", async () => {
  const { worker: held, account } = await begin(["before-point"]);
  const [code = 0] = await estate.request(account.credentialId);
  await held.reached("before-point");
  // As a probe of a frozen worker does when it goes on late.
  await estate.db
    .update(schema.attempts)
    .set({ epoch: sql`nextval('epochs')` })
    .where(eq(schema.attempts.operationCode, code));
  held.go();
  await estate.until(code);
  await proveNothingLost(estate, target, { code, account, mustSucceed: true });
});

it("run-now puts a change that waits for its time at the head of the queue", async () => {
  const { account } = await begin([]);
  const [code = 0] = await request(account.credentialId, new Date(Date.now() + 3_600_000));
  const { address, namespace } = estate.surroundings.temporal;
  const connection = await Connection.connect({ address });
  try {
    const { workflow } = new Client({ connection, namespace });
    const handle = workflow.getHandle(operationWorkflowId(code, 1));
    await vi.waitFor(() => handle.describe(), 120_000);
    await estate.act("run-now", code);
    await handle.signal(SIGNALS.runNow);
    expect(await estate.until(code)).toMatchObject({ state: "succeeded" });
    const { events } = await handle.fetchHistory();
    const changes = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === "change" ? [scheduled.priority?.priorityKey] : [],
    );
    expect(changes).toEqual([1]);
  } finally {
    await connection.close();
  }
});

it("a change that fails before it begins, each time, is asked for again with growing pauses", async () => {
  const { account } = await begin([]);
  await estate.db.execute(sql`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no attempt may begin'; end $$`);
  await estate.db.execute(sql`create trigger refuse before insert on attempts execute function refuse()`);
  const [code = 0] = await estate.request(account.credentialId);
  const { address, namespace } = estate.surroundings.temporal;
  const connection = await Connection.connect({ address });
  try {
    const handle = new Client({ connection, namespace }).workflow.getHandle(operationWorkflowId(code, 1));
    const pauses = async () =>
      ((await handle.fetchHistory()).events ?? []).flatMap(({ timerStartedEventAttributes: timer }) =>
        timer
          ? [Math.round(Number(timer.startToFireTimeout?.seconds ?? 0) + (timer.startToFireTimeout?.nanos ?? 0) / 1e9)]
          : [],
      );
    await vi.waitFor(async () => expect(await pauses()).toEqual([1, 2, 4]), 120_000);
    await estate.db.execute(sql`drop trigger refuse on attempts`);
    await estate.until(code);
    await proveNothingLost(estate, target, { code, account, mustSucceed: true });
  } finally {
    await connection.close();
  }
});

async function request(credentialId: string, scheduledFor: Date): Promise<number[]> {
  const { operations } = await estate.db.transaction((tx) =>
    requestChanges(tx, { credentialIds: [credentialId], scheduledFor, reason: "test", actor, plugins: PLUGINS }),
  );
  return operations.map(({ code }) => code);
}
