/** The removal of an ephemeral credential: whether there is anything to remove, and what proves that it is gone. */
import { and, eq, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import { isOpen } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { operations, secretVersions } from "../schema/index.ts";
import { endOperation } from "./end-operation.ts";
import { inactivate } from "./job-attempt.ts";
import type { OperationRow, VersionRow } from "./stage-facts.ts";

/** What a removal works with. */
export interface Removal {
  readonly kind: "remove";
  /** The password that the account has or may have; absent when none is kept. */
  readonly password: VersionRow | undefined;
  /**
   * Whether the account may be gone already: an earlier attempt has sent something, and the password did log in before.
   * Then a log-in that is rejected proves it.
   */
  readonly mayBeGone: boolean;
  /**
   * Whether nothing says that the account is the one that was made: whoever sent was lost before it told what came of
   * it, and no password of it ever logged in. One of that name may have been there before, and be somebody's.
   */
  readonly unproven: boolean;
  /** The creation, when its time was over before it began. */
  readonly wake: OperationRef[];
}

/** An attempt that lived to tell how its sending ended, and neither was cut off nor slept over it: the device had its say. */
const ANSWERED =
  '$[*] ? (@.step == "apply" && !(@.code == "target.connection-lost" || @.code == "change.lost-lease" || @.code == "service.fault"))';

type Judgement =
  | Removal
  /** The creation is under way: what it does is to be removed afterwards. One that is in doubt is told to end. */
  | { readonly kind: "wait"; readonly wake: OperationRef[] }
  /** Nothing was ever sent: the removal is canceled. */
  | { readonly kind: "nothing-to-remove"; readonly wake: OperationRef[] };

/**
 * Looks at the creation of a removal that is due. One that has not begun is over now: its lifetime is. The transaction
 * holds the removal's row.
 */
export async function judgeRemoval(tx: Transaction, removal: OperationRow): Promise<Judgement> {
  // Whoever holds it may want the removal's row: this one does not wait for them.
  const [creation] = await tx
    .select({ code: operations.code, run: operations.run, state: operations.state })
    .from(operations)
    .where(and(eq(operations.credentialId, removal.credentialId), eq(operations.kind, "ephemeral-credential-creation")))
    .for("update", { skipLocked: true });
  if (!creation) return { kind: "wait", wake: [] };
  const wake = isOpen(creation.state) ? [{ code: creation.code, run: creation.run }] : [];
  if (creation.state === "running") return { kind: "wait", wake };
  if (wake.length > 0)
    await endOperation(tx, { code: creation.code, state: "canceled", outcome: "ephemeral.lifetime-over" });
  // An account that was there before any attempt to make it is somebody else's.
  const [facts] = await tx.execute<{ sent: boolean; told: boolean; tried: boolean; proven: boolean }>(sql`
    with sends as (select steps from attempts where operation_code = ${creation.code} and sent_at is not null
        and outcome is distinct from 'account.exists')
    select exists (select 1 from sends) as sent,
      exists (select 1 from sends where jsonb_path_exists(steps, ${ANSWERED})) as told,
      exists (select 1 from attempts where operation_code = ${removal.code} and sent_at is not null) as tried,
      exists (select 1 from secret_versions where credential_id = ${removal.credentialId}
        and promoted_at is not null) as proven`);
  if (!facts) throw new Error("the facts of a removal gave no row");
  if (!facts.sent) {
    await endOperation(tx, { code: removal.code, state: "canceled", outcome: "ephemeral.not-created" });
    await inactivate(tx, removal);
    return { kind: "nothing-to-remove", wake };
  }
  const password = await readPassword(tx, removal.credentialId);
  const { told, tried, proven } = facts;
  return { kind: "remove", password, mayBeGone: tried && proven, unproven: !told && !tried && !proven, wake };
}

/** Whether a creation comes too late: nothing would remove the account any more, or at once. */
export async function isLifetimeOver(
  db: Database | Transaction,
  creation: Pick<OperationRow, "credentialId">,
): Promise<boolean> {
  const [row] = await db.execute<{ over: boolean }>(sql`
    select not exists (select 1 from operations where credential_id = ${creation.credentialId}
      and kind = 'ephemeral-credential-removal' and state = 'scheduled' and due_at > clock_timestamp()) as over`);
  return row?.over ?? true;
}

/** In doubt it may be either; the newer one is what was sent last. */
async function readPassword(tx: Transaction, credentialId: string): Promise<VersionRow | undefined> {
  const [row] = await tx
    .select()
    .from(secretVersions)
    .where(sql`${secretVersions.credentialId} = ${credentialId} and ${secretVersions.sealed} is not null
      and ${secretVersions.status} in ('candidate', 'doubtful', 'current', 'discarded')`)
    .orderBy(sql`${secretVersions.status} = 'discarded', ${secretVersions.version} desc`)
    .limit(1);
  return row;
}

/** How late a removal may be before somebody should look. */
const LATE = sql`interval '5 minutes'`;

/** Removals whose account should be gone and is not proven to be: what an alarm is made of. */
export async function countLateRemovals(db: Database): Promise<number> {
  const [row] = await db.execute<{ late: number }>(sql`
    select count(*)::int as late from operations
    where kind = 'ephemeral-credential-removal' and wake_at is not null and scheduled_for < now() - ${LATE}`);
  return row?.late ?? 0;
}
