/** What happens to a password that may make its policy change it: it is seen, a session used it, a person ends its time. */
import { and, eq, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Transaction } from "../client.ts";
import { credentials } from "../schema/index.ts";
import { uuidArray } from "./eligibility.ts";

/** A change that is being promoted holds this row: what is written next counts for the password that is current then. */
async function lock(tx: Transaction, credentialId: string): Promise<void> {
  const [row] = await tx
    .select({ id: credentials.id })
    .from(credentials)
    .where(eq(credentials.id, credentialId))
    .for("no key update");
  if (!row) throw new ApiProblem("credential.not-found");
}

/**
 * Notes that a person saw a version: the first view of the current one begins the time after which it is changed.
 * @throws ApiProblem `credential.not-found`
 */
export async function noteView(tx: Transaction, seen: { credentialId: string; versionId: string }): Promise<void> {
  await lock(tx, seen.credentialId);
  await tx
    .update(credentials)
    .set({ viewedAt: sql`now()` })
    .where(
      and(
        eq(credentials.id, seen.credentialId),
        sql`${credentials.viewedAt} is null`,
        sql`exists (select 1 from secret_versions where id = ${seen.versionId} and status = 'current')`,
      ),
    );
}

/**
 * Notes the end of a session that used the password. One that ended before the latest change used another password.
 * @throws ApiProblem `credential.not-found`
 */
export async function noteSessionEnd(
  tx: Transaction,
  { credentialId, endedAt }: { credentialId: string; endedAt: Date },
): Promise<void> {
  await lock(tx, credentialId);
  const at = sql`${endedAt.toISOString()}::timestamptz`;
  await tx
    .update(credentials)
    .set({ sessionEndedAt: sql`least(${credentials.sessionEndedAt}, ${at})` })
    .where(
      and(
        eq(credentials.id, credentialId),
        sql`${at} >= coalesce(${credentials.changedAt}, '-infinity')`,
        // The trigger that works out the next change need not run for a later end.
        sql`coalesce(${credentials.sessionEndedAt} > ${at}, true)`,
      ),
    );
}

/**
 * Ends the time of present passwords: their policies change them as those that are too old, in their windows. A
 * cool-down ends with it, for a person asks.
 * @returns for each credential that is there null, or what stands in the way
 */
export async function expirePasswords(tx: Transaction, ids: readonly string[]): Promise<Map<string, ErrorCode | null>> {
  const rows = await tx.execute<{ id: string; refusal: ErrorCode | null }>(sql`
    with asked as materialized (
      select c.id, case when not c.active then 'credential.inactive'
          when not c.automatic_change then 'credential.not-automatic'
          when p.id is null or not (c.driven or p.first_change = 'automatic') then 'credential.no-policy' end as refusal
      from credentials c left join policies p on p.id = c.policy_id and p.active
      where c.id = any(${uuidArray(ids)}) order by c.id for no key update of c
    ), expired as (
      update credentials set expired_at = coalesce(expired_at, now()), automatic_not_before = null, automatic_refusal = null
      where id in (select id from asked where refusal is null))
    select id, refusal from asked`);
  return new Map(rows.map(({ id, refusal }) => [id, refusal]));
}
