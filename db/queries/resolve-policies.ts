/** Which policy holds for a credential: of those that are active and whose criteria it fits the highest, then the oldest. */
import { type SQL, sql } from "drizzle-orm";
import type { CredentialDetails } from "../../contracts/credentials.schema.ts";
import type { ResolvedPolicy } from "../../contracts/policies.schema.ts";
import type { Criteria } from "../../contracts/policy.ts";
import type { Database, Transaction } from "../client.ts";
import { uuidArray } from "./eligibility.ts";

/** Any number nobody else takes: policies stay as they are while a credential looks for its own. */
const POLICIES_LOCK = 7_204_190_005;

/**
 * Keeps policies from being edited until the transaction ends. Taken before any credential is locked: an edit of a
 * policy waits for this and then locks credentials.
 */
export async function holdPolicies(tx: Transaction): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock_shared(${POLICIES_LOCK})`);
}

/** The same without waiting, for who has locked a credential already: false while policies are being edited. */
export async function tryHoldPolicies(tx: Transaction): Promise<boolean> {
  const [row] = await tx.execute<{ held: boolean }>(
    sql`select pg_try_advisory_xact_lock_shared(${POLICIES_LOCK}) as held`,
  );
  return row?.held ?? false;
}

/** One edit of policies at a time, and none while a credential looks for its own. */
export async function lockPolicies(tx: Transaction): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${POLICIES_LOCK})`);
}

/**
 * Locks a device's credentials before the device: a change that succeeds holds its credential and then wants the
 * device.
 */
export async function holdCredentialsOf(tx: Transaction, deviceId: string): Promise<void> {
  await holdPolicies(tx);
  await tx.execute(sql`select id from credentials where device_id = ${deviceId} order by id for no key update`);
}

/** Active policies, in lower case; the wild cards of device names as patterns. */
const rules = sql`
  select id, priority, created_at, r as criteria,
    case when r ? 'devices' then array(
      select replace(replace(replace(replace(glob, '\\', '\\\\'), '%', '\\%'), '_', '\\_'), '*', '%')
      from jsonb_array_elements_text(r -> 'devices') as listed(glob)) end as names
  from policies, lateral (select lower(criteria::text)::jsonb) as lowered(r)
  where active`;

/** What criteria look at, in lower case. */
const facts = sql`
  select c.id, c.policy_id, lower(d.name) as device, lower(d.model) as model, lower(d.type) as device_type,
    lower(d.site) as site, array(select lower(tag) from unnest(d.tags) as tag) as device_tags,
    array(select lower(tag) from unnest(c.tags) as tag) as credential_tags, lower(c.type) as type,
    lower(c.additional_info) as additional_info
  from credentials c join devices d on d.id = c.device_id`;

/** Whether the facts `f` fit the rules `r`. */
const fits = sql.join(
  [
    sql`(r.names is null or f.device like any (r.names))`,
    ...Object.entries({
      models: sql`? f.model`,
      devicetypes: sql`? f.device_type`,
      sites: sql`? f.site`,
      devicetags: sql`?| f.device_tags`,
      credentialtags: sql`?| f.credential_tags`,
      credentialtypes: sql`? f.type`,
      additionalinfo: sql`? f.additional_info`,
    }).map(
      ([name, holds]) =>
        sql`(not r.criteria ? ${sql.raw(`'${name}'`)} or r.criteria -> ${sql.raw(`'${name}'`)} ${holds})`,
    ),
  ],
  sql` and `,
);

/** Gives the credentials of the scope `f` their policies; what a policy says of the next change is worked out anew. */
async function resolve(tx: Transaction, scope: SQL, rewritten: SQL): Promise<void> {
  await tx.execute(sql`
    with rules as materialized (${rules}), facts as not materialized (${facts}),
    wanted as materialized (
      select id from credentials where id in (select f.id from facts f where ${scope})
      order by id for no key update
    ), best as materialized (
      select f.id, (select r.id from rules r where ${fits} order by r.priority desc, r.created_at, r.id limit 1) as policy
      from facts f where f.id in (select id from wanted))
    update credentials set policy_id = best.policy from best
    where credentials.id = best.id and (credentials.policy_id is distinct from best.policy or ${rewritten})`);
}

/** Gives these credentials their policies: after they were made, or edited. */
export async function resolveCredentials(tx: Transaction, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await holdPolicies(tx);
  await resolve(tx, sql`f.id = any(${uuidArray(ids)})`, sql`false`);
}

/** The same for all credentials of a device, after it was edited. The transaction holds them. */
export async function resolveDevice(tx: Transaction, deviceId: string): Promise<void> {
  await resolve(tx, sql`f.id in (select id from credentials where device_id = ${deviceId})`, sql`false`);
}

/** After an edit of a policy: whoever has it, or fits it now. The transaction has locked the policies. */
export async function resolvePolicy(tx: Transaction, policyId: string): Promise<void> {
  const scope = sql`f.policy_id = ${policyId} or exists (select 1 from rules r where r.id = ${policyId} and ${fits})`;
  await resolve(tx, scope, sql`best.policy = ${policyId}`);
}

/** Policies that the credential fits too, in the order in which they would follow. */
export async function readOtherPolicies(
  db: Database,
  credentialId: string,
): Promise<CredentialDetails["otherPolicies"]> {
  const rows = await db.execute<CredentialDetails["otherPolicies"][number]>(sql`
    with rules as materialized (${rules}), facts as (${facts})
    select p.id, p.name, p.priority from facts f join rules r on ${fits} join policies p on p.id = r.id
    where f.id = ${credentialId} and p.id is distinct from f.policy_id
    order by p.priority desc, p.created_at, p.id limit 20`);
  return [...rows];
}

/** What criteria look at of a credential and its device. */
export interface Matched {
  readonly device: string;
  readonly model: string;
  readonly deviceType: string;
  readonly site: string;
  readonly deviceTags: readonly string[];
  readonly tags: readonly string[];
  readonly type: string;
  readonly additionalInfo: string;
}

/** Why a policy holds: what the credential has where the policy has criteria. Says nothing of whether it fits. */
export function explain(criteria: Criteria, has: Matched): ResolvedPolicy["why"] {
  const common = (wanted: readonly string[] | undefined, tags: readonly string[]) => {
    const lower = new Set(wanted?.map((tag) => tag.toLowerCase()));
    return tags.filter((tag) => lower.has(tag.toLowerCase())).join(", ");
  };
  const found: Required<Record<keyof Criteria, string>> = {
    devices: has.device,
    models: has.model,
    deviceTypes: has.deviceType,
    sites: has.site,
    deviceTags: common(criteria.deviceTags, has.deviceTags),
    credentialTags: common(criteria.credentialTags, has.tags),
    credentialTypes: has.type,
    additionalInfo: has.additionalInfo,
  };
  const names = Object.keys(found) as (keyof Criteria)[];
  return names
    .filter((criterion) => criteria[criterion] !== undefined)
    .map((criterion) => ({ criterion, value: found[criterion] }));
}
