/** Makes operations, whoever asks for them: a few statements for one credential or for ten thousand. */
import { createHash } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import type { ApprovalRule } from "../../contracts/policy.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import {
  isAutomatic,
  isJob,
  type OperationKind,
  type Priority,
  type Purpose,
  setsPassword,
  type Trigger,
} from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { credentials, devices, policies } from "../schema/index.ts";
import { readApprovalDigest, readApprovalDigests } from "./approval-facts.ts";
import type { Actor } from "./audit.ts";
import { uuidArray } from "./eligibility.ts";
import { readSettings } from "./settings.ts";
import { STARTED_CHANNEL } from "./starter.ts";

export interface Opening {
  readonly kind: OperationKind;
  readonly priority: Priority;
  readonly reason: string;
  /** Who asks; the person, if there is one, is the requester. */
  readonly actor: Actor;
  /** The operation whose success makes these. Its chain starts their workflows. */
  readonly parentCode?: number;
  /** Of operations that run a template of their own. */
  readonly work?: Work;
  readonly items: readonly OpeningItem[];
}

export interface Work {
  readonly templateId: string;
  /** Values for tags of the template, and what else was said about the work. */
  readonly parameters: Readonly<Record<string, string>>;
  /** See {@link Purpose}; false when absent. */
  readonly givesPassword?: boolean;
  /** Set where it is about no stored credential: its items name who logs in, the work is on this device. */
  readonly elsewhere?: { readonly deviceId: string; readonly username: string };
  /** It waits beside another operation of the credential, and holds no place. */
  readonly beside?: true;
}

export interface OpeningItem {
  readonly credentialId: string;
  readonly trigger: Trigger;
  /** When it may start; at once when absent or past. */
  readonly dueAt?: Date | undefined;
  /** What it waits for until then; `time` when absent. */
  readonly waitingFor?: "window" | undefined;
}

export interface Opened {
  readonly code: number;
  readonly credentialId: string;
  readonly state: "scheduled" | "awaiting-approval";
}

interface Target {
  readonly username: string;
  readonly domain: string;
  readonly device: string;
  readonly address: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly site: string;
  readonly url: string;
  readonly tags: string[];
}

/** One row to be, as the insert takes it. */
interface Row {
  readonly credential: string;
  readonly device: string;
  readonly site: string;
  readonly digest: string;
  readonly policy: string | null;
  readonly trigger: Trigger;
  readonly due: string | null;
  readonly wait: "time" | "window";
  readonly approval: ApprovalRule | null;
  readonly bound: string | null;
}

/**
 * From here on the foreign keys' cached plans are made anew. A plan that a connection made while a table was tiny reads
 * the whole table, and would now do so for each of thousands of rows, until autovacuum has seen the table grow.
 */
const BULK = 500;

/**
 * Opens an operation of the kind for each credential, or lets it wait for its approval where the policy or the kind
 * wants one. A credential with an open operation is passed over, by the unique index: also when two ask at the same
 * moment, and when a chain asks twice. The caller has checked that the credentials may be changed.
 * @returns those that were made
 */
export async function openOperations(tx: Transaction, opening: Opening): Promise<Opened[]> {
  // In id order, so that two bulk requests cannot wait for each other.
  const items = opening.items.toSorted((a, b) => (a.credentialId < b.credentialId ? -1 : 1));
  if (items.length === 0) return [];
  const ids = items.map(({ credentialId }) => credentialId);
  const [found, settings] = await Promise.all([readTargets(tx, ids, opening.work), readSettings(tx)]);
  const targets = new Map(found.map((row) => [row.credential, row]));
  const rows: (Row & { target: Target })[] = [];
  const purpose: Purpose = { kind: opening.kind, givesPassword: opening.work?.givesPassword ?? false };
  for (const { credentialId, trigger, dueAt, waitingFor } of items) {
    const row = targets.get(credentialId);
    if (!row) continue;
    const { policy: policyOf, approval: policyApproval, ...where } = row;
    // A policy is about passwords: its limits, windows and pause hold for no job.
    const policy = isJob(purpose) ? null : policyOf;
    rows.push({
      ...where,
      policy,
      digest: digestOf(row.target),
      site: row.target.site,
      trigger,
      due: dueAt?.toISOString() ?? null,
      wait: waitingFor ?? "time",
      approval: approvalFor({ purpose, trigger, policyApproval, settings }),
      bound: null,
    });
  }
  await storeTargets(tx, rows);
  if (rows.length >= BULK) await tx.execute(sql`discard plans`);
  const opened = await insert(tx, opening, await bind(tx, opening, rows));
  if (opened.length > 0 && opening.parentCode === undefined)
    await tx.execute(sql`select pg_notify(${STARTED_CHANNEL}, '')`);
  return opened;
}

async function readTargets(tx: Transaction, ids: readonly string[], work: Work | undefined) {
  const elsewhere = work?.elsewhere;
  return tx
    .select({
      credential: credentials.id,
      device: devices.id,
      policy: credentials.policyId,
      approval: policies.approval,
      target: {
        username: elsewhere ? sql<string>`${elsewhere.username}::text` : credentials.username,
        domain: elsewhere ? sql<string>`''` : credentials.domain,
        device: devices.name,
        address: devices.address,
        manufacturer: devices.manufacturer,
        model: devices.model,
        site: devices.site,
        url: devices.url,
        tags: devices.tags,
      },
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, elsewhere ? elsewhere.deviceId : credentials.deviceId))
    .leftJoin(policies, eq(policies.id, credentials.policyId))
    .where(sql`${credentials.id} = any(${uuidArray(ids)})`);
}

function digestOf(target: Target): string {
  const { username, domain, device, address, manufacturer, model, site, url, tags } = target;
  const parts = [username, domain, device, address, manufacturer, model, site, url, tags];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/**
 * Who must agree; null: nobody. What another operation's success or failure demands was agreed to with that one, and a
 * policy's rule is about passwords, not about looking or other work.
 */
export function approvalFor(about: {
  purpose: Purpose;
  trigger: Trigger;
  policyApproval: ApprovalRule | null;
  settings: Settings;
}): ApprovalRule | null {
  const { purpose, trigger, settings } = about;
  if (trigger !== "request" && !isAutomatic(trigger)) return null;
  const ofPolicy = setsPassword(purpose) ? about.policyApproval : null;
  if (ofPolicy) return ofPolicy.levels.length > 0 ? ofPolicy : null;
  const approvals = settings.approvalsByKind[purpose.kind] ?? 0;
  if (approvals === 0) return null;
  return { levels: [{ approvals, approvers: [] }], expiresMinutes: settings.approvalExpiresMinutes };
}

/** Gives the rows that wait for an approval the digest of what is to be approved. */
async function bind(tx: Transaction, { kind, work }: Opening, rows: readonly Row[]): Promise<readonly Row[]> {
  const asked = rows.filter(({ approval }) => approval !== null);
  if (asked.length === 0) return rows;
  const digests = work
    ? await readDigestsOfWork(tx, { kind, work }, asked)
    : await readApprovalDigests(
        tx,
        kind,
        asked.map(({ credential }) => credential),
      );
  return rows.map((row) => (row.approval ? { ...row, bound: digests.get(row.credential) ?? null } : row));
}

async function readDigestsOfWork(
  tx: Transaction,
  { kind, work }: { kind: OperationKind; work: Work },
  rows: readonly Row[],
): Promise<Map<string, string>> {
  const { templateId, parameters, elsewhere } = work;
  const digests = rows.map(async ({ credential, device, policy }) => {
    const loginCredentialId = elsewhere ? credential : null;
    const of = { credentialId: credential, deviceId: device, policyId: policy, kind, templateId, parameters };
    return [credential, await readApprovalDigest(tx, { ...of, loginCredentialId })] as const;
  });
  return new Map(await Promise.all(digests));
}

async function storeTargets(tx: Transaction, rows: readonly (Row & { target: Target })[]): Promise<void> {
  const targets = new Map(rows.map(({ digest, target }) => [digest, { digest, ...target }]));
  await tx.execute(sql`
    insert into target_snapshots (digest, username, domain, device, address, manufacturer, model, site, url, tags)
    select digest, username, domain, device, address, manufacturer, model, site, url, tags
    from jsonb_to_recordset(${JSON.stringify([...targets.values()])}::jsonb) as t(digest text, username text,
      domain text, device text, address text, manufacturer text, model text, site text, url text, tags text[])
    order by digest on conflict (digest) do nothing`);
}

async function insert(tx: Transaction, opening: Opening, rows: readonly Row[]): Promise<Opened[]> {
  const { kind, priority, reason, actor, parentCode = null, work } = opening;
  const own = sql`${work?.elsewhere === undefined && work?.beside === undefined}::boolean`;
  const login = sql`${work?.elsewhere !== undefined}::boolean`;
  const items = rows.map(({ credential, device, site, digest, policy, trigger, due, wait, approval, bound }) => {
    return { credential, device, site, digest, policy, trigger, due, wait, approval, bound } satisfies Row;
  });
  const inserted = await tx.execute<{ code: string; credential: string; state: Opened["state"] }>(sql`
    with work as (
      select w.*, t.id as target, greatest(now(), w.due) as at,
        now() + make_interval(mins => (w.approval ->> 'expiresMinutes')::int) as expires
      from jsonb_to_recordset(${JSON.stringify(items)}::jsonb) as w(credential uuid, device uuid, site text,
        digest text, policy uuid, trigger text, due timestamptz, wait text, approval jsonb, bound text)
      join target_snapshots t on t.digest = w.digest
    ), made as (
      insert into operations (kind, state, credential_id, open_credential_id, device_id, target_id, site, policy_id,
        parent_code, started_run, trigger, requested_by, reason, priority, approval, approval_digest,
        approval_expires_at, scheduled_for, due_at, wake_at, waiting_for, template_id, parameters, login_credential_id, gives_password)
      select ${kind}, case when approval is null then 'scheduled' else 'awaiting-approval' end, credential,
        case when ${own} then credential end, device, target, site, policy, ${parentCode}::bigint, case when ${parentCode}::bigint is null then 0 else 1 end,
        trigger, ${actor.person ?? ""}, ${reason}, ${priority}::smallint, approval, bound, expires, at, at,
        coalesce(expires, at), case when approval is not null then null when at > now() then wait else 'queue' end,
        ${work?.templateId ?? null}::uuid, ${JSON.stringify(work?.parameters ?? {})}::jsonb, case when ${login} then credential end, ${work?.givesPassword ?? false}
      from work
      order by credential
      on conflict do nothing
      returning code, credential_id, state, trigger
    ), noted as (
      insert into audit (actor, person, action, object_type, object_id, operation_code, request_id, address, details)
      select ${actor.actor}, ${actor.person ?? ""}, 'operation.requested', 'operation', code::text, code,
        ${actor.requestId ?? ""}, ${actor.address ?? ""}, jsonb_strip_nulls(jsonb_build_object('reason', ${reason}::text,
          'state', nullif(state, 'scheduled'), 'trigger', nullif(trigger, 'request'), 'parent', ${parentCode}::bigint))
      from made
    )
    select code, credential_id as credential, state from made order by credential_id`);
  return inserted.map(({ code, credential, state }) => ({ code: Number(code), credentialId: credential, state }));
}
