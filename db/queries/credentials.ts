import { and, asc, eq, getTableColumns, gt, inArray, sql } from "drizzle-orm";
import type {
  Credential,
  CredentialDetails,
  CredentialInput,
  CredentialPatch,
  CredentialQuery,
} from "../../contracts/credentials.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { credentials, devices, policies, secretVersions } from "../schema/index.ts";
import { credentialFilter } from "./credential-filter.ts";
import { type Page, readCursor, toPage } from "./cursor.ts";
import { authenticators, type PluginRules } from "./eligibility.ts";
import { tryAgain } from "./next-change.ts";
import { refuseInactive } from "./strengths.ts";
import { refuseUnfitTemplates } from "./template-uses.ts";
import { explain, holdPolicies, readOtherPolicies, resolveCredentials } from "./resolve-policies.ts";

/** The sealed seed leaves the database for the worker alone. */
const { totpSealed, ...shown } = getTableColumns(credentials);

const columns = {
  ...shown,
  hasTotp: sql<boolean>`${totpSealed} is not null`,
  device: devices.name,
  matched: { model: devices.model, deviceType: devices.type, site: devices.site, deviceTags: devices.tags },
  holds: { id: policies.id, name: policies.name, priority: policies.priority, criteria: policies.criteria },
  currentVersion: sql<number | null>`(select version from secret_versions
    where credential_id = ${credentials.id} and status = 'current')`,
  unresolvedVersion: sql<number | null>`(select version from secret_versions
    where credential_id = ${credentials.id} and status in ('candidate', 'doubtful'))`,
  openCode: sql<number | null>`(select code from operations where open_credential_id = ${credentials.id})`.mapWith(
    (code: string | null) => (code === null ? null : Number(code)),
  ),
};

type Row = Awaited<ReturnType<typeof selectCredentials>>[number];

function toCredential({ matched, holds, ...row }: Row): Credential {
  const time = (date: Date | null) => date?.toISOString() ?? null;
  return {
    ...row,
    policy: holds && {
      id: holds.id,
      name: holds.name,
      priority: holds.priority,
      why: explain(holds.criteria, { ...row, ...matched }),
    },
    reconciliation: {
      enabled: row.reconciliationEnabled,
      autorun: row.reconciliationAutorun,
      credentialId: row.reconciliationCredentialId,
      plugin: row.reconciliationPlugin,
      templateId: row.reconciliationTemplateId,
    },
    attentionSince: time(row.attentionSince),
    lastCheckAt: time(row.lastCheckAt),
    lastCheckSince: time(row.lastCheckSince),
    changedAt: time(row.changedAt),
    nextChangeAt: time(row.nextChangeAt),
    viewedAt: time(row.viewedAt),
    sessionEndedAt: time(row.sessionEndedAt),
    expiredAt: time(row.expiredAt),
    automaticNotBefore: time(row.automaticNotBefore),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** Settings of the reconciliation are columns of the row; what is not named stays. */
function toColumns<Input extends Pick<CredentialPatch, "reconciliation">>({ reconciliation, ...rest }: Input) {
  return {
    ...rest,
    reconciliationEnabled: reconciliation?.enabled,
    reconciliationAutorun: reconciliation?.autorun,
    reconciliationCredentialId: reconciliation?.credentialId,
    reconciliationPlugin: reconciliation?.plugin,
    reconciliationTemplateId: reconciliation?.templateId,
  };
}

function selectCredentials(db: Database | Transaction) {
  return db
    .select(columns)
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(policies, eq(policies.id, credentials.policyId))
    .leftJoin(authenticators, eq(authenticators.id, credentials.authenticationCredentialId));
}

/** @throws ApiProblem `credential.not-found` */
export async function readCredential(db: Database | Transaction, id: string): Promise<Credential> {
  const [row] = await selectCredentials(db).where(eq(credentials.id, id));
  if (!row) throw new ApiProblem("credential.not-found");
  return toCredential(row);
}

/** With all policies that it fits. @throws ApiProblem `credential.not-found` */
export async function readCredentialDetails(db: Database, id: string): Promise<CredentialDetails> {
  const credential = await readCredential(db, id);
  return { ...credential, otherPolicies: await readOtherPolicies(db, id) };
}

/** Oldest first. */
export async function listCredentials(
  db: Database,
  query: CredentialQuery,
  plugins: readonly PluginRules[],
): Promise<Page<Credential>> {
  const after = readCursor(query)?.[0];
  const rows = await selectCredentials(db)
    .where(and(credentialFilter(query, plugins), after === undefined ? undefined : gt(credentials.id, after)))
    .orderBy(asc(credentials.id))
    .limit(query.limit + 1);
  return toPage(rows.map(toCredential), query, (row) => [row.id]);
}

/**
 * Stores the row; a password given with it is the caller's to store in the same transaction.
 * @throws ApiProblem `credential.no-authenticator`, `credential.cycle`, `strength.not-found`, `template.not-active`,
 * `template.unfit`
 */
export async function createCredential(
  tx: Transaction,
  input: Omit<CredentialInput, "password" | "totpSecret">,
): Promise<string> {
  const id = newId();
  refuseNoAuthenticator(id, input);
  await refuseCycle(tx, id, input.parentCredentialId);
  await refuseInactive(tx, input.strengthId);
  await tx.insert(credentials).values({ ...toColumns(input), id });
  await refuseUnfitTemplates(tx, id);
  await resolveCredentials(tx, [id]);
  return id;
}

/** Stores or forgets the seed of a credential's one-time passwords. */
export async function storeTotp(tx: Transaction, id: string, sealed: Buffer | null): Promise<void> {
  await tx.update(credentials).set({ totpSealed: sealed }).where(eq(credentials.id, id));
}

/** What decides which account answers, and how it is spoken to. */
const IDENTITY = ["plugin", "username", "domain", "additionalInfo"] as const;

/** What decides whether a template fits. */
const TEMPLATED = ["plugin", "templateId", "reconciliation", "active"] as const;

/**
 * Edits execution settings and description; the device is never contacted.
 * @throws ApiProblem `credential.not-found`, `request.stale`, `credential.unresolved`, `credential.no-authenticator`,
 * `credential.cycle`, `strength.not-found`, `template.not-active`, `template.unfit`
 */
export async function editCredential(
  tx: Transaction,
  edit: { id: string; revision: number; patch: Omit<CredentialPatch, "totpSecret"> },
): Promise<void> {
  await holdPolicies(tx);
  // Stronger than need be, two edits that name each other's credential as parent or authenticator would both wait.
  const lock = IDENTITY.some((field) => edit.patch[field] !== undefined) ? "update" : "no key update";
  const [before] = await tx.select().from(credentials).where(eq(credentials.id, edit.id)).for(lock);
  if (!before) throw new ApiProblem("credential.not-found");
  if (before.revision !== edit.revision) throw new ApiProblem("request.stale");
  await refuseOtherAccount(tx, before, edit.patch);
  refuseNoAuthenticator(edit.id, { ...before, ...edit.patch });
  await refuseCycle(tx, edit.id, edit.patch.parentCredentialId);
  if (edit.patch.strengthId !== before.strengthId) await refuseInactive(tx, edit.patch.strengthId);
  await tx
    .update(credentials)
    .set({
      ...toColumns(edit.patch),
      ...(before.automaticRefusal === null ? {} : tryAgain),
      revision: before.revision + 1,
      updatedAt: sql`now()`,
    })
    .where(eq(credentials.id, edit.id));
  if (TEMPLATED.some((field) => edit.patch[field] !== undefined)) await refuseUnfitTemplates(tx, edit.id);
  await resolveCredentials(tx, [edit.id]);
}

/**
 * A password that may be live is looked for at the account it was sent to: until that is resolved, the credential names
 * no other. The caller's lock keeps stage from sending to the account of before.
 */
async function refuseOtherAccount(
  tx: Transaction,
  before: typeof credentials.$inferSelect,
  patch: CredentialPatch,
): Promise<void> {
  if (IDENTITY.every((field) => patch[field] === undefined || patch[field] === before[field])) return;
  const open = await tx
    .select({ version: secretVersions.version })
    .from(secretVersions)
    .where(and(eq(secretVersions.credentialId, before.id), inArray(secretVersions.status, ["candidate", "doubtful"])));
  if (open.length > 0) throw new ApiProblem("credential.unresolved");
}

function refuseNoAuthenticator(
  id: string,
  {
    useOwnCredential,
    authenticationCredentialId: other,
  }: Pick<CredentialInput, "useOwnCredential" | "authenticationCredentialId">,
): void {
  if (useOwnCredential === false && (other === undefined || other === null || other === id))
    throw new ApiProblem("credential.no-authenticator");
}

/** Any number nobody else takes: two edits at once could close a circle that neither sees. */
const PARENT_LOCK = 7_204_190_004;

async function refuseCycle(tx: Transaction, id: string, parentId: string | null | undefined): Promise<void> {
  if (parentId === undefined || parentId === null) return;
  await tx.execute(sql`select pg_advisory_xact_lock(${PARENT_LOCK})`);
  const path = await tx.execute<{ id: string; username: string }>(sql`
    with recursive up as (
      select id, username, parent_credential_id, 1 as depth from credentials where id = ${parentId}
      union all
      select c.id, c.username, c.parent_credential_id, depth + 1 from credentials c
      join up on c.id = up.parent_credential_id where up.id <> ${id} and depth < 1000)
    select id, username from up order by depth`);
  if (path.at(-1)?.id !== id) return;
  const names = path.map(({ username }) => username).join(" → ");
  throw new ApiProblem("credential.cycle", `The parents would form a circle: ${names}.`);
}
