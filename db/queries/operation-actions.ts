/** What people do to operations. Each is one compare-and-set on the locked row, with its audit row. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { mayAct, type OperationAction } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { violatedConstraint } from "../postgres-error.ts";
import { credentials, operations, secretVersions } from "../schema/index.ts";
import { type Actor, auditOperation } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import { grantPermits } from "./permits.ts";
import { STARTED_CHANNEL } from "./starter.ts";

export interface ActionRequest {
  readonly code: number;
  readonly actor: Actor;
}

/** Whoever holds the row decides: a change that was staged a moment before makes this a refusal, and the other way round. */
async function lockFor(tx: Transaction, code: number, action: OperationAction) {
  const [row] = await tx.select().from(operations).where(eq(operations.code, code)).for("update");
  if (!row) throw new ApiProblem("operation.not-found");
  if (!mayAct(action, row.state))
    throw new ApiProblem("operation.state", `The operation is ${row.state}; ${action} is not accepted then.`, {
      state: row.state,
    });
  return row;
}

/**
 * Ends an operation that has not begun. After this answer no device is touched.
 * @returns the workflows to wake: this one, and those that get its device permit
 * @throws ApiProblem `operation.not-found`, `operation.state`, `operation.unresolved`
 */
export async function cancelOperation(tx: Transaction, { code, actor }: ActionRequest): Promise<OperationRef[]> {
  const row = await lockFor(tx, code, "cancel");
  const kept = await tx
    .select({
      id: secretVersions.id,
      sent: sql<boolean>`exists (select 1 from attempts
        where secret_version_id = ${secretVersions.id} and sent_at is not null)`,
    })
    .from(secretVersions)
    .where(
      and(eq(secretVersions.credentialId, row.credentialId), inArray(secretVersions.status, ["candidate", "doubtful"])),
    );
  if (kept.some(({ sent }) => sent)) throw new ApiProblem("operation.unresolved");
  for (const { id } of kept)
    await tx.update(secretVersions).set({ status: "discarded", sealed: null }).where(eq(secretVersions.id, id));
  await endOperation(tx, { code, state: "canceled", actor });
  const freed = row.permitGrantedAt === null ? [] : await grantPermits(tx, row.deviceId);
  return [{ code, run: row.run }, ...freed];
}

/**
 * error → scheduled, as a new run with a fresh allowance of attempts.
 * @param request.scheduledFor when it is due; at once when absent
 * @throws ApiProblem `operation.not-found`, `operation.state`, `credential.change-open`, `credential.attention`
 */
export async function restartOperation(
  tx: Transaction,
  { code, actor, scheduledFor }: ActionRequest & { readonly scheduledFor?: Date | undefined },
): Promise<void> {
  const row = await lockFor(tx, code, "restart");
  // A restore or a password stored by hand may be under way: what it resolves is not resolved twice.
  await tx
    .select({ id: credentials.id })
    .from(credentials)
    .where(eq(credentials.id, row.credentialId))
    .for("key share");
  await refuseOthersDoubt(tx, row.credentialId, code);
  const dueAt = sql`greatest(now(), ${scheduledFor?.toISOString() ?? null}::timestamptz)`;
  const reopened = {
    state: "scheduled" as const,
    run: row.run + 1,
    runAttempts: 0,
    refusals: 0,
    probes: 0,
    openCredentialId: row.credentialId,
    scheduledFor: dueAt,
    dueAt,
    wakeAt: dueAt,
    waitingFor: sql<"time" | "queue">`case when ${dueAt} > now() then 'time' else 'queue' end`,
    endedAt: null,
  };
  try {
    // In a savepoint: the index decides who has the credential's one open place, and the loser still reads the winner.
    await tx.transaction((inner) => inner.update(operations).set(reopened).where(eq(operations.code, code)));
  } catch (error) {
    if (violatedConstraint(error) !== "operations_one_open") throw error;
    const [open] = await tx
      .select({ code: operations.code })
      .from(operations)
      .where(eq(operations.openCredentialId, row.credentialId));
    throw new ApiProblem("credential.change-open", undefined, open ? { openCode: open.code } : {});
  }
  await auditOperation(tx, actor, {
    code,
    action: "operation.restarted",
    details: { run: row.run + 1, before: row.outcome },
  });
  await tx.execute(sql`select pg_notify(${STARTED_CHANNEL}, '')`);
}

/** A restart may resolve its own doubt; another operation's is resolved through that one, or by a restore. */
async function refuseOthersDoubt(tx: Transaction, credentialId: string, code: number): Promise<void> {
  const [doubt] = await tx
    .select({ version: secretVersions.version, operation: secretVersions.operationCode })
    .from(secretVersions)
    .innerJoin(credentials, eq(credentials.id, secretVersions.credentialId))
    .where(
      and(eq(secretVersions.credentialId, credentialId), inArray(secretVersions.status, ["candidate", "doubtful"])),
    );
  if (doubt && doubt.operation !== code)
    throw new ApiProblem(
      "credential.attention",
      `Version ${doubt.version} is in doubt since operation ${doubt.operation}: restart that one, or restore a version.`,
    );
}

/**
 * Drops the wait for time and window and puts the operation at the head of its queue; a device limit stays.
 * @returns the workflow to wake
 * @throws ApiProblem `operation.not-found`, `operation.state`
 */
export async function runOperationNow(tx: Transaction, { code, actor }: ActionRequest): Promise<OperationRef[]> {
  const row = await lockFor(tx, code, "run-now");
  await tx
    .update(operations)
    .set({
      priority: 1,
      dueAt: sql`least(${operations.dueAt}, now())`,
      wakeAt: sql`now()`,
      waitingFor: row.waitingFor === "time" || row.waitingFor === "window" ? "queue" : row.waitingFor,
    })
    .where(eq(operations.code, code));
  await auditOperation(tx, actor, { code, action: "operation.run-now" });
  return [{ code, run: row.run }];
}
