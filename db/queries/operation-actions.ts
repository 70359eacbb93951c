/** What people do to operations, one or many: compare-and-set on locked rows, with audit rows, in one transaction. */
import { inArray, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { OperationAction } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { operations, secretVersions } from "../schema/index.ts";
import { type Acted, type ActionRequest, lockFor, type Outcome, refs, refuse } from "./action-lock.ts";
import { auditOperations } from "./audit.ts";
import { decide } from "./decisions.ts";
import { uuidArray } from "./eligibility.ts";
import { endOperations } from "./end-operation.ts";
import { forsake } from "./job-attempt.ts";
import { grantPermits } from "./permits.ts";
import { restart } from "./restarts.ts";
import type { OperationRow } from "./stage-facts.ts";

const ACTIONS: Readonly<Record<OperationAction, (tx: Transaction, request: ActionRequest) => Promise<Acted>>> = {
  approve: (tx, request) => decide(tx, "approved", request),
  reject: (tx, request) => decide(tx, "rejected", request),
  "run-now": runNow,
  cancel,
  restart,
};

/**
 * Does the action to each of the operations, or says why not; what is refused hinders no other.
 * @returns an outcome for each, in the order of their codes
 */
export async function act(tx: Transaction, action: OperationAction, request: ActionRequest): Promise<Acted> {
  const { outcomes, signals } = await ACTIONS[action](tx, request);
  return { outcomes: outcomes.toSorted((a, b) => a.code - b.code), signals };
}

/**
 * Ends operations that have not begun. After this answer no device is touched. One that sent a password whose fate is not
 * proven cannot be ended; what another sent hinders nobody. Nor can the removal of an ephemeral credential, unless a person
 * is asked whether its account is the one that was made.
 */
async function cancel(tx: Transaction, { codes, actor }: ActionRequest): Promise<Acted> {
  const { rows: waiting, refused } = await lockFor(tx, "cancel", codes);
  const mustGoOn = (row: OperationRow) => isRemoval(row) && row.outcome !== "ephemeral.unproven";
  const removals = waiting.filter(mustGoOn);
  const rows = waiting.filter((row) => !mustGoOn(row));
  const kept = await tx
    .select({
      id: secretVersions.id,
      sent: sql<boolean>`exists (select 1 from attempts
        where secret_version_id = ${secretVersions.id} and sent_at is not null)`,
      carriers: sql<string[]>`array(select distinct operation_code from attempts
        where secret_version_id = ${secretVersions.id})`,
    })
    .from(secretVersions)
    .where(
      // Who only logs in for a job has passwords of its own, which are no business of it.
      sql`${secretVersions.credentialId} = any(${uuidArray(rows.flatMap((row) => row.openCredentialId ?? []))})
        and ${secretVersions.status} in ('candidate', 'doubtful')`,
    )
    .orderBy(secretVersions.id);
  const unresolved = new Set(kept.filter(({ sent }) => sent).flatMap(({ carriers }) => carriers.map(Number)));
  const canceled = rows.filter(({ code }) => !unresolved.has(code));
  const dead = kept.filter(({ sent }) => !sent).map(({ id }) => id);
  if (dead.length > 0)
    await tx.update(secretVersions).set({ status: "discarded", sealed: null }).where(inArray(secretVersions.id, dead));
  await endOperations(
    tx,
    canceled.map(({ code }) => code),
    { state: "canceled", actor },
  );
  for (const row of canceled.filter(isRemoval)) await forsake(tx, row);
  return {
    outcomes: [
      ...refused,
      ...removals.map((row) => refuse(row, { code: "ephemeral.not-cancelable" })),
      ...rows.filter(({ code }) => unresolved.has(code)).map((row) => refuse(row, { code: "operation.unresolved" })),
      ...canceled.map(({ code }): Outcome => ({ code, state: "canceled" })),
    ],
    signals: [
      { signal: "cancelRequested", refs: refs(canceled) },
      { signal: "wake", refs: await passOnPermits(tx, canceled) },
    ],
  };
}

function isRemoval({ kind }: OperationRow): boolean {
  return kind === "ephemeral-credential-removal";
}

/** Permits that were granted to rows that do not take them up go to the next ones. */
async function passOnPermits(tx: Transaction, rows: readonly OperationRow[]): Promise<OperationRef[]> {
  const devices = new Set(rows.filter((row) => row.permitGrantedAt !== null).map(({ deviceId }) => deviceId));
  const woken: OperationRef[] = [];
  // In id order, one after another: each locks its device's row.
  for (const deviceId of [...devices].toSorted()) woken.push(...(await grantPermits(tx, deviceId)));
  return woken;
}

/** Drops the wait for time and window and puts operations at the head of their queue; a device limit stays. */
async function runNow(tx: Transaction, { codes, actor }: ActionRequest): Promise<Acted> {
  const { rows, refused } = await lockFor(tx, "run-now", codes);
  const taken = rows.map(({ code }) => code);
  if (taken.length > 0)
    await tx
      .update(operations)
      .set({
        priority: 1,
        dueAt: sql`now()`,
        wakeAt: sql`now()`,
        waitingFor: sql`case when ${operations.waitingFor} in ('time', 'window') then 'queue' else ${operations.waitingFor} end`,
      })
      .where(inArray(operations.code, taken));
  await auditOperations(
    tx,
    actor,
    taken.map((code) => ({ code, action: "operation.run-now" })),
  );
  return {
    outcomes: [...refused, ...taken.map((code): Outcome => ({ code, state: "scheduled" }))],
    signals: [{ signal: "runNow", refs: refs(rows) }],
  };
}
