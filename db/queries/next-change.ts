/**
 * The facts that decide when a policy changes a credential next. The moment itself, `next_change_at` and
 * `next_trigger`, is worked out by a trigger on `credentials` (migration `next_change`) whenever one of them is written.
 */
import { eq, sql } from "drizzle-orm";
import type { Transaction } from "../client.ts";
import { credentials, operations, policies } from "../schema/index.ts";
import { uuidArray } from "./eligibility.ts";

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
    driven: true,
  };
}

/** No automatic change of the credential for so many days: all attempts of one failed. */
export async function coolDown(tx: Transaction, { credentialId, days }: { credentialId: string; days: number }) {
  await tx
    .update(credentials)
    .set({ automaticNotBefore: sql`now() + make_interval(days => ${days})`, automaticRefusal: null })
    .where(eq(credentials.id, credentialId));
}

/**
 * The same after an automatic change that people refused or let expire: without it the policy's next pass would ask
 * them again. Does nothing for an operation that a person requested.
 */
export async function coolDownAfter(tx: Transaction, code: number): Promise<void> {
  const days = sql`coalesce((${policies.limits} ->> 'coolDownDays')::int,
    (select (values ->> 'coolDownDays')::int from settings), 1)`;
  await tx.execute(sql`
    update ${credentials} set automatic_not_before = now() + make_interval(days => ${days}), automatic_refusal = null
    from ${operations} left join ${policies} on ${policies.id} = ${operations.policyId}
    where ${operations.code} = ${code} and ${operations.trigger} in ('age', 'view', 'session')
      and ${credentials.id} = ${operations.credentialId}`);
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
