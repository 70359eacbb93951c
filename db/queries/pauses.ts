/** Stops of automatic changes: of all, of a site, of a policy. */
import { and, asc, eq, gt, type SQL, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import { isAutomatic, type Trigger } from "../../contracts/states.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { operations, policies, policyStates, sites } from "../schema/index.ts";

/** Where an automatic change is stopped: everywhere, or where its site or its policy is. */
export interface PauseScope {
  readonly site?: string;
  readonly policyId?: string;
}

/** Whether all automatic changes are paused. */
export const allPaused = sql<boolean>`coalesce((select (values ->> 'automaticPaused')::boolean from settings), false)`;

/** Whether those of a site are; `site` is an expression. */
export function sitePaused(site: SQL): SQL<boolean> {
  return sql<boolean>`exists (select 1 from sites where sites.name = ${site} and sites.paused)`;
}

/** Whether those of a policy are; `policyId` is an expression. */
export function policyPaused(policyId: SQL): SQL<boolean> {
  return sql<boolean>`exists (select 1 from policy_states where policy_states.policy_id = ${policyId} and policy_states.paused)`;
}

/**
 * Whether a pause keeps the operation from starting now. One that a person or a parent's change asked for never is; a
 * reconciliation by itself is not its policy's doing, which may have paused over the very errors that it mends.
 */
export function pausedNow(operation: { trigger: Trigger; site: string; policyId: string | null }): SQL<boolean> {
  const { trigger, site, policyId } = operation;
  const here = sql<boolean>`(${allPaused} or ${sitePaused(sql`${site}`)})`;
  if (trigger === "reconcile") return here;
  if (!isAutomatic(trigger)) return sql<boolean>`false`;
  return sql<boolean>`(${here} or ${policyPaused(sql`${policyId}::uuid`)})`;
}

const goesOn = { paused: false, pausedReason: "", pausedAt: null };

function stops(reason: string) {
  return { paused: true, pausedReason: reason, pausedAt: sql`now()` };
}

/**
 * Stops a policy's automatic changes, or lets them go on; then its errors are counted from none.
 * @param reason why it stops; absent: it goes on
 * @throws ApiProblem `policy.not-found`
 */
export async function pausePolicy(tx: Transaction, policyId: string, reason?: string): Promise<void> {
  const [policy] = await tx.select({ id: policies.id }).from(policies).where(eq(policies.id, policyId));
  if (!policy) throw new ApiProblem("policy.not-found");
  const set = reason === undefined ? { ...goesOn, errorsInARow: 0, errorCode: null } : stops(reason);
  await tx
    .insert(policyStates)
    .values({ policyId, ...set })
    .onConflictDoUpdate({ target: policyStates.policyId, set });
}

/** Stops the automatic changes of a site, or lets them go on. */
export async function pauseSite(tx: Transaction, name: string, reason?: string): Promise<void> {
  const set = reason === undefined ? goesOn : stops(reason);
  await tx
    .insert(sites)
    .values({ name, ...set })
    .onConflictDoUpdate({ target: sites.name, set });
}

/** Operations of one page, and pages: the rest look by themselves, at most five minutes later or when they thought. */
const PAGE = 500;
const PAGES = 20;

/**
 * Operations of the scope that wait for a pause to end, oldest first: to be woken when it did. One that another pause
 * still holds parks itself again.
 */
export function pausedOperations(db: Database, scope: PauseScope): AsyncGenerator<OperationRef[]> {
  return paged((after) =>
    db
      .select({ code: operations.code, run: operations.run })
      .from(operations)
      .where(
        and(
          // As a literal: the partial index is found by it.
          sql`${operations.waitingFor} = 'pause'`,
          scope.site === undefined ? undefined : eq(operations.site, scope.site),
          scope.policyId === undefined ? undefined : eq(operations.policyId, scope.policyId),
          gt(operations.code, after),
        ),
      )
      .orderBy(asc(operations.code))
      .limit(PAGE),
  );
}

/**
 * Makes the operations that wait for a window of the policy due, to be woken: its windows were edited, and stage tells
 * which of them holds now.
 */
export function windowOperations(db: Database, policyId: string): AsyncGenerator<OperationRef[]> {
  return paged(async (after) => {
    const rows = await db.execute<{ code: string; run: number }>(sql`
      with waiting as materialized (
        select code from operations
        where policy_id = ${policyId} and waiting_for = 'window' and state = 'scheduled' and code > ${after}
        order by code limit ${PAGE} for update)
      update operations set due_at = least(due_at, now()), wake_at = now()
      where code in (select code from waiting) and state = 'scheduled' returning code, run`);
    return rows.map(({ code, run }) => ({ code: Number(code), run })).toSorted((a, b) => a.code - b.code);
  });
}

async function* paged(read: (after: number) => Promise<OperationRef[]>): AsyncGenerator<OperationRef[]> {
  let after = 0;
  for (let pages = 0; pages < PAGES; pages += 1) {
    const rows = await read(after);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (rows.length < PAGE || !last) return;
    after = last.code;
  }
}
