/** One page of the pass over credentials whose policies want them changed. */
import { and, asc, desc, eq, isNull, lte, not, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Database, Transaction } from "../client.ts";
import { credentials, devices, policies } from "../schema/index.ts";
import { WORKER } from "./audit.ts";
import { authenticators, type PluginRules, refusalCode, uuidArray } from "./eligibility.ts";
import { type Opened, openOperations } from "./open-operations.ts";
import { allPaused, policyPaused, sitePaused } from "./pauses.ts";
import { holdPolicies } from "./resolve-policies.ts";
import { windowOpensAt } from "./windows.ts";

/** How long one that accepts no change is left alone. */
const AGAIN = sql`interval '1 hour'`;

export interface SweptPage {
  readonly opened: readonly Opened[];
  /** Credentials that are due and accept no change: looked at again in an hour, or once they were edited. */
  readonly refused: number;
}

/**
 * Opens a change for up to `limit` credentials that are due, by priority of their policies and then by time. All or
 * nothing: after a crash the same are due.
 */
export async function sweepPage(
  db: Database,
  { limit, plugins }: { limit: number; plugins: readonly PluginRules[] },
): Promise<SweptPage> {
  return db.transaction(async (tx) => {
    // What is made to wait for a window must be there when an edit of the window looks for it.
    await holdPolicies(tx);
    const rows = await readDue(tx, limit, plugins);
    const items = rows.flatMap(({ credentialId, trigger, windows, refusal, now }) => {
      if (refusal !== null || trigger === null) return [];
      const opensAt = windowOpensAt(windows, trigger, now);
      const later = opensAt > now ? { dueAt: opensAt, waitingFor: "window" as const } : {};
      return [{ credentialId, trigger, ...later }];
    });
    const refused = rows.flatMap(({ credentialId: id, refusal }) => (refusal === null ? [] : [{ id, refusal }]));
    await putOff(tx, refused);
    await clearRefusals(
      tx,
      items.map(({ credentialId }) => credentialId),
    );
    const opening = { kind: "change-password", priority: 3, reason: "", actor: WORKER, items } as const;
    return { opened: await openOperations(tx, opening), refused: refused.length };
  });
}

/**
 * Due credentials without an open operation, that no pause holds and that wait for nobody. Each is locked: one whose
 * change succeeded since is seen as it is now. What another holds is left for the next pass.
 */
async function readDue(tx: Transaction, limit: number, plugins: readonly PluginRules[]) {
  return tx
    .select({
      credentialId: credentials.id,
      trigger: credentials.nextTrigger,
      windows: policies.windows,
      // A worker's own clock may be wrong.
      now: sql<Date>`now()`.mapWith(credentials.nextChangeAt),
      refusal: refusalCode(plugins),
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .innerJoin(policies, eq(policies.id, credentials.policyId))
    .leftJoin(authenticators, eq(authenticators.id, credentials.authenticationCredentialId))
    .where(
      and(
        lte(credentials.nextChangeAt, sql`now()`),
        isNull(credentials.attention),
        sql`not exists (select 1 from operations where open_credential_id = ${credentials.id})`,
        not(allPaused),
        not(sitePaused(sql`${devices.site}`)),
        not(policyPaused(sql`${policies.id}`)),
      ),
    )
    .orderBy(desc(policies.priority), asc(credentials.nextChangeAt), asc(credentials.id))
    .limit(limit)
    .for("no key update", { of: credentials, skipLocked: true });
}

async function putOff(tx: Transaction, refused: readonly { id: string; refusal: ErrorCode }[]): Promise<void> {
  if (refused.length === 0) return;
  await tx.execute(sql`
    update credentials set automatic_not_before = now() + ${AGAIN}, automatic_refusal = r.refusal
    from jsonb_to_recordset(${JSON.stringify(refused)}::jsonb) as r(id uuid, refusal text)
    where credentials.id = r.id`);
}

async function clearRefusals(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.execute(sql`
    update credentials set automatic_refusal = null
    where id = any(${uuidArray(ids)}) and automatic_refusal is not null`);
}
