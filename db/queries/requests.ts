/** Requests for password changes: a few statements for one credential or for ten thousand. */
import { createHash } from "node:crypto";
import { eq, sql } from "drizzle-orm";
import { type ErrorCode, operatorSentence } from "../../contracts/errors.ts";
import type { ChangesAccepted } from "../../contracts/operations.schema.ts";
import type { Transaction } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import type { Actor } from "./audit.ts";
import { authenticators, type PluginRules, refusalCode, textArray, uuidArray } from "./eligibility.ts";
import { STARTED_CHANNEL } from "./starter.ts";

export interface ChangeRequest {
  readonly credentialIds: readonly string[];
  /** When it is due; at once when absent. */
  readonly scheduledFor?: Date | undefined;
  readonly reason: string;
  readonly actor: Actor;
  readonly plugins: readonly PluginRules[];
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

interface Work {
  readonly credential: string;
  readonly device: string;
  readonly site: string;
  readonly digest: string;
}

/**
 * Requests a change of each credential. Those that cannot be changed are refused one by one; two requests for one
 * credential at the same moment end as one operation and one refusal, by the unique index.
 */
export async function requestChanges(tx: Transaction, request: ChangeRequest): Promise<ChangesAccepted> {
  // In id order, so that two bulk requests cannot wait for each other.
  const ids = [...new Set(request.credentialIds)].toSorted();
  const rows = await readTargets(tx, ids, request.plugins);
  const found = new Map(rows.map((row) => [row.credential, row]));
  const refusals = new Map<string, ErrorCode>();
  const eligible: (Work & { target: Target })[] = [];
  for (const id of ids) {
    const row = found.get(id);
    if (!row) refusals.set(id, "credential.not-found");
    else if (row.refusal) refusals.set(id, row.refusal);
    else eligible.push({ ...row, site: row.target.site, digest: digestOf(row.target) });
  }
  const accepted = await insertOperations(tx, request, eligible);
  const taken = new Set(accepted.map(({ credentialId }) => credentialId));
  for (const { credential } of eligible) if (!taken.has(credential)) refusals.set(credential, "credential.change-open");
  return { operations: accepted, refused: await describeRefusals(tx, refusals) };
}

async function readTargets(tx: Transaction, ids: readonly string[], plugins: readonly PluginRules[]) {
  return tx
    .select({
      credential: credentials.id,
      device: devices.id,
      refusal: refusalCode(plugins),
      target: {
        username: credentials.username,
        domain: credentials.domain,
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
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(authenticators, eq(authenticators.id, credentials.authenticationCredentialId))
    .where(sql`${credentials.id} = any(${uuidArray(ids)})`);
}

function digestOf(target: Target): string {
  const { username, domain, device, address, manufacturer, model, site, url, tags } = target;
  const parts = [username, domain, device, address, manufacturer, model, site, url, tags];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/**
 * From here on the foreign keys' cached plans are made anew. A plan that a connection made while a table was tiny reads
 * the whole table, and would now do so for each of thousands of rows, until autovacuum has seen the table grow.
 */
const BULK = 500;

async function insertOperations(
  tx: Transaction,
  request: ChangeRequest,
  work: readonly (Work & { target: Target })[],
): Promise<ChangesAccepted["operations"]> {
  if (work.length === 0) return [];
  const targets = new Map(work.map(({ digest, target }) => [digest, { digest, ...target }]));
  await tx.execute(sql`
    insert into target_snapshots (digest, username, domain, device, address, manufacturer, model, site, url, tags)
    select digest, username, domain, device, address, manufacturer, model, site, url, tags
    from jsonb_to_recordset(${JSON.stringify([...targets.values()])}::jsonb) as t(digest text, username text,
      domain text, device text, address text, manufacturer text, model text, site text, url text, tags text[])
    order by digest on conflict (digest) do nothing`);
  if (work.length >= BULK) await tx.execute(sql`discard plans`);
  const items: Work[] = work.map(({ credential, device, site, digest }) => ({ credential, device, site, digest }));
  const dueAt = sql`greatest(now(), ${request.scheduledFor?.toISOString() ?? null}::timestamptz)`;
  const inserted = await tx.execute<{ code: string; credential: string }>(sql`
    insert into operations (kind, state, credential_id, open_credential_id, device_id, target_id, site, trigger,
      requested_by, reason, scheduled_for, due_at, wake_at, waiting_for)
    select 'change-password', 'scheduled', w.credential, w.credential, w.device, t.id, w.site, 'request',
      ${request.actor.person ?? ""}, ${request.reason}, ${dueAt}, ${dueAt}, ${dueAt},
      case when ${dueAt} > now() then 'time' else 'queue' end
    from jsonb_to_recordset(${JSON.stringify(items)}::jsonb) as w(credential uuid, device uuid, site text, digest text)
    join target_snapshots t on t.digest = w.digest
    order by w.credential
    on conflict (open_credential_id) where open_credential_id is not null do nothing
    returning code, credential_id as credential`);
  const accepted = inserted.map(({ code, credential }) => ({
    code: Number(code),
    credentialId: credential,
    state: "scheduled" as const,
  }));
  await auditRequests(tx, request, accepted);
  return accepted;
}

async function auditRequests(
  tx: Transaction,
  { actor, reason }: ChangeRequest,
  accepted: ChangesAccepted["operations"],
): Promise<void> {
  if (accepted.length === 0) return;
  const codes = textArray(accepted.map(({ code }) => String(code)));
  await tx.execute(sql`
    insert into audit (actor, person, action, object_type, object_id, operation_code, request_id, address, details)
    select ${actor.actor}, ${actor.person ?? ""}, 'operation.requested', 'operation', code, code::bigint,
      ${actor.requestId ?? ""}, ${actor.address ?? ""}, jsonb_build_object('reason', ${reason}::text)
    from unnest(${codes}) as code`);
  await tx.execute(sql`select pg_notify(${STARTED_CHANNEL}, '')`);
}

async function describeRefusals(
  tx: Transaction,
  refusals: ReadonlyMap<string, ErrorCode>,
): Promise<ChangesAccepted["refused"]> {
  const open = [...refusals].filter(([, code]) => code === "credential.change-open").map(([id]) => id);
  const rows =
    open.length === 0
      ? []
      : await tx.execute<{ credential: string; code: string }>(sql`
          select open_credential_id as credential, code from operations
          where open_credential_id = any(${uuidArray(open)})`);
  const openCodes = new Map(rows.map(({ credential, code }) => [credential, Number(code)]));
  return [...refusals].map(([credentialId, code]) => {
    const openCode = openCodes.get(credentialId);
    return { credentialId, code, detail: operatorSentence(code), ...(openCode === undefined ? {} : { openCode }) };
  });
}
