/**
 * The facts that decide when a policy changes a credential next. The moment itself, `next_change_at` and
 * `next_trigger`, is worked out by a trigger on `credentials` (migration `next_change`) whenever one of them is written.
 */
import { eq, type SQL, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import { PASSWORD_KINDS } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { credentials } from "../schema/index.ts";
import { textArray, uuidArray } from "./eligibility.ts";

/** What a successful change writes into its credential: the age begins anew, and nobody has seen the password yet. */
export function afterSuccess() {
  return {
    changedAt: sql`now()`,
    viewedAt: null,
    sessionEndedAt: null,
    expiredAt: null,
    spread: sql`random()`,
    automaticNotBefore: null,
    automaticRefusal: null,
    lastFailure: null,
    driven: true,
  };
}

/** What stood in the way of an automatic change may be mended: the policies' next pass looks again. */
export const tryAgain = { automaticNotBefore: null, automaticRefusal: null };

/**
 * No automatic change of the credential for so many days: all attempts of one failed.
 * @param failed.policyId policy whose own number of days goes first, where it has one
 */
export async function coolDown(
  tx: Transaction,
  { credentialId, days, policyId = null }: { credentialId: string; days: number; policyId?: string | null },
): Promise<void> {
  const own = sql`(select (limits ->> 'coolDownDays')::int from policies where id = ${policyId}::uuid)`;
  await tx
    .update(credentials)
    .set({ automaticNotBefore: sql`now() + make_interval(days => coalesce(${own}, ${days}))`, automaticRefusal: null })
    .where(eq(credentials.id, credentialId));
}

/**
 * The same after automatic changes that people canceled, refused or let expire: without it the policies' next pass
 * would ask for them again. Passes over operations that people requested.
 * @param codes of operations whose rows the transaction holds
 */
export async function coolDownAfter(tx: Transaction, codes: readonly number[]): Promise<void> {
  await tx.execute(sql`
    with ended as materialized (
      select c.id, coalesce((p.limits ->> 'coolDownDays')::int, (s.values ->> 'coolDownDays')::int, 1) as days
      from operations o join credentials c on c.id = o.credential_id left join policies p on p.id = o.policy_id
      left join settings s on s.id = 1
      where o.code = any(${codeArray(codes)}) and o.trigger in ('age', 'view', 'session')
      order by c.id for no key update of c)
    update credentials set automatic_not_before = now() + make_interval(days => ended.days), automatic_refusal = null
    from ended where credentials.id = ended.id`);
}

/** Keeps with the credentials of these operations how they failed. The transaction holds the operations' rows. */
export async function noteFailure(tx: Transaction, codes: readonly number[], outcome: ErrorCode): Promise<void> {
  await tx.execute(sql`
    with failed as materialized (
      select c.id from operations o join credentials c on c.id = o.credential_id
      where o.code = any(${codeArray(codes)}) and (o.gives_password or o.kind = any(${textArray(PASSWORD_KINDS)}))
      order by c.id for no key update of c)
    update credentials set last_failure = ${outcome} where id in (select id from failed)`);
}

function codeArray(codes: readonly number[]): SQL {
  return sql`${`{${codes.join(",")}}`}::bigint[]`;
}

/** What was pending since somebody saw or used the password is settled: a person asks for its change. */
export async function clearTriggers(tx: Transaction, credentialIds: readonly string[]): Promise<void> {
  await tx.execute(sql`
    with pending as materialized (
      select id from credentials where id = any(${uuidArray(credentialIds)})
        and (viewed_at is not null or session_ended_at is not null)
      order by id for no key update)
    update credentials set viewed_at = null, session_ended_at = null where id in (select id from pending)`);
}
