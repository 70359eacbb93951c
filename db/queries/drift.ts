/** Drift checks: whether stored passwords still log in, each at most once in `driftHours`. */
import { and, eq, type SQL, sql } from "drizzle-orm";
import type { DriftSite, OperationRef, Verdict } from "../../contracts/messages.ts";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { Database, Transaction } from "../client.ts";
import { credentials, outbox } from "../schema/index.ts";
import { auditObject, WORKER } from "./audit.ts";
import { wakeDependents } from "./permits.ts";
import { autoReconcile } from "./reconcile.ts";

/** Passes in an hour, by the schedule; twice what is needed is taken, so that a missed one is made up for. */
const PASSES_AN_HOUR = 12;
const SHARE = 2;
/** Checks of one pass on one site. */
const FEWEST = 10;
const MOST = 500;

/** Checked neither by hand nor by itself for so long. Of the table named `c`. */
function isDue(hours: number): SQL {
  const before = sql`now() - make_interval(hours => ${hours})`;
  return sql`((c.drift_at is null or c.drift_at < ${before}) and (c.last_check_at is null or c.last_check_at < ${before}))`;
}

/** The sites with credentials to check, each with its share of `driftHours`. None when drift checks are off. */
export async function readDriftSites(db: Database, { driftHours }: Settings): Promise<DriftSite[]> {
  if (driftHours === 0) return [];
  const rows = await db.execute<{ site: string; all: number }>(sql`
    select d.site, count(*)::int as "all"
    from credentials c join devices d on d.id = c.device_id
    where c.active and c.automatic_change and d.active
    group by d.site having bool_or(${isDue(driftHours)}) order by d.site`);
  return rows.map(({ site, all }) => ({
    site,
    limit: Math.min(MOST, Math.max(FEWEST, Math.ceil((SHARE * all) / (driftHours * PASSES_AN_HOUR)))),
  }));
}

export interface DriftCandidate {
  readonly credentialId: string;
  readonly deviceId: string;
}

/** Whether nothing stands in the way of a check. Of the table named `c`. */
const CHECKABLE = sql`c.active and c.automatic_change and c.attention is null
  and exists (select 1 from secret_versions where credential_id = c.id and status = 'current')
  and not exists (select 1 from operations where open_credential_id = c.id)`;

/**
 * A site's credentials to check: the one that waits longest of each device, then the second of each, so that a device
 * with many that does not answer keeps nobody waiting.
 */
export async function readDueChecks(
  db: Database,
  asked: { site: string; hours: number; limit: number },
): Promise<DriftCandidate[]> {
  return db.execute<{ credentialId: string; deviceId: string }>(sql`
    select id as "credentialId", device_id as "deviceId" from (
      select c.id, c.device_id, c.drift_at,
        row_number() over (partition by c.device_id order by c.drift_at nulls first, c.id) as turn
      from credentials c join devices d on d.id = c.device_id
      where ${CHECKABLE} and ${isDue(asked.hours)} and d.active and d.site = ${asked.site}
        and (d.breaker_until is null or d.breaker_until < now())) as due
    order by turn, drift_at nulls first, id limit ${asked.limit}`);
}

export interface DriftClaim extends DriftCandidate {
  /** The database's clock, as text. */
  readonly at: string;
}

/**
 * Takes a credential for a check; undefined when somebody else did, or something has come in the way. From the commit on
 * it is not due again, whatever becomes of the worker.
 */
export async function claimDriftCheck(
  db: Database,
  candidate: DriftCandidate,
  hours: number,
): Promise<DriftClaim | undefined> {
  const [claim] = await db.execute<{ at: string }>(sql`
    update credentials c set drift_at = now()
    where id = ${candidate.credentialId} and ${CHECKABLE} and ${isDue(hours)}
    returning drift_at::text as at`);
  return claim && { ...candidate, ...claim };
}

/** Nothing was asked, because the account's log-in budget is used up: due again when it frees. */
export async function putOffDriftCheck(
  db: Database,
  claim: DriftClaim,
  { hours, freeAt }: { hours: number; freeAt: Date },
): Promise<void> {
  await db
    .update(credentials)
    .set({ driftAt: sql`${freeAt.toISOString()}::timestamptz - make_interval(hours => ${hours})` })
    .where(and(eq(credentials.id, claim.credentialId), sql`${credentials.driftAt} = ${claim.at}::timestamptz`));
}

/**
 * Keeps what a drift check found, unless the password was changed, or a change of it was under way, since the claim: the
 * answer then says nothing about the stored one. A rejected password is told, and reconciled where that is wanted; an
 * unknown answer does not lift a rejection.
 * @param found.versionId the version that was asked with
 * @returns the workflows that may go on with an accepted password; undefined when the answer says nothing
 */
export async function noteDrift(
  db: Database,
  claim: DriftClaim,
  found: { versionId: string; verdict: Verdict; code: ErrorCode; settings: Settings },
): Promise<OperationRef[] | undefined> {
  const { credentialId } = claim;
  const { verdict, code } = found;
  return db.transaction(async (tx) => {
    const [before] = await tx
      .select({ lastCheck: credentials.lastCheck })
      .from(credentials)
      .where(eq(credentials.id, credentialId))
      .for("no key update");
    if (!before || (await isOvertaken(tx, claim, found.versionId))) return undefined;
    if (verdict === "unknown" && before.lastCheck === "rejected") return [];
    await tx
      .update(credentials)
      .set({
        lastCheck: verdict,
        lastCheckCode: code,
        lastCheckAt: sql`now()`,
        ...(before.lastCheck === verdict ? {} : { lastCheckSince: sql`now()` }),
      })
      .where(eq(credentials.id, credentialId));
    if (verdict === "accepted") return wakeDependents(tx, credentialId);
    if (verdict === "rejected") await tell(tx, { ...found, credentialId, fresh: before.lastCheck !== "rejected" });
    return [];
  });
}

/** A statement of its own, after the lock: it sees what was committed while the lock was waited for. */
async function isOvertaken(tx: Transaction, claim: DriftClaim, versionId: string): Promise<boolean> {
  const [row] = await tx.execute<{ overtaken: boolean }>(sql`
    select not exists (select 1 from secret_versions where id = ${versionId} and status = 'current')
      or exists (select 1 from operations where credential_id = ${claim.credentialId}
        and (open_credential_id is not null or executed_at >= ${claim.at}::timestamptz)) as overtaken`);
  return row?.overtaken ?? true;
}

/** Audit says it each time, the outside hears of it once. */
async function tell(
  tx: Transaction,
  found: { credentialId: string; code: ErrorCode; settings: Settings; fresh: boolean },
): Promise<void> {
  const { credentialId, code, settings } = found;
  await auditObject(tx, WORKER, {
    action: "credential.drift-found",
    objectType: "credential",
    objectId: credentialId,
    details: { code },
  });
  if (found.fresh) await tx.insert(outbox).values({ event: "credential.drift-found", payload: { credentialId, code } });
  await autoReconcile(tx, { credentialId, outcome: code }, settings);
}
