/** Passwords that people store, reveal and restore. Values are sealed by the caller's vault; none is clear here. */
import { and, desc, eq, inArray, isNotNull, sql } from "drizzle-orm";
import type { Version } from "../../contracts/credentials.schema.ts";
import type { OperationRef } from "../../contracts/messages.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { credentials, operations, secretVersions } from "../schema/index.ts";
import { demote } from "./attempt.ts";
import { type Actor, auditObject } from "./audit.ts";
import { tryAgain } from "./next-change.ts";
import { wakeDependents } from "./permits.ts";

/** Seals the value for the row it will stand in. */
type Seal = (binding: { versionId: string; credentialId: string; version: number }) => Buffer;

/** The version with this number, or the current one, while its value is kept. @throws ApiProblem `version.not-found` */
export async function readVersion(db: Database | Transaction, credentialId: string, version?: number) {
  const [row] = await db
    .select()
    .from(secretVersions)
    .where(
      and(
        eq(secretVersions.credentialId, credentialId),
        version === undefined ? eq(secretVersions.status, "current") : eq(secretVersions.version, version),
      ),
    );
  if (!row?.sealed) throw new ApiProblem("version.not-found");
  return { ...row, sealed: row.sealed };
}

/** Newest first. @throws ApiProblem `credential.not-found` */
export async function listVersions(db: Database, credentialId: string): Promise<Version[]> {
  const [credential] = await db
    .select({ id: credentials.id })
    .from(credentials)
    .where(eq(credentials.id, credentialId));
  if (!credential) throw new ApiProblem("credential.not-found");
  const rows = await db
    .select({
      version: secretVersions.version,
      status: secretVersions.status,
      origin: secretVersions.origin,
      operationCode: secretVersions.operationCode,
      createdAt: secretVersions.createdAt,
      promotedAt: secretVersions.promotedAt,
      kept: sql<boolean>`${secretVersions.sealed} is not null`,
    })
    .from(secretVersions)
    .where(eq(secretVersions.credentialId, credentialId))
    .orderBy(desc(secretVersions.version));
  return rows.map((row) => ({
    ...row,
    createdAt: row.createdAt.toISOString(),
    promotedAt: row.promotedAt?.toISOString() ?? null,
  }));
}

/**
 * Locks the open operation first and then the credential, whose lock keeps new operations and versions out.
 * @returns the open operation, if there is one
 */
async function lockCredential(tx: Transaction, credentialId: string) {
  const openOne = () =>
    tx
      .select({ code: operations.code, state: operations.state })
      .from(operations)
      .where(eq(operations.openCredentialId, credentialId));
  const [open] = await openOne().for("update");
  const [credential] = await tx
    .select({ id: credentials.id })
    .from(credentials)
    .where(eq(credentials.id, credentialId))
    .for("update");
  if (!credential) throw new ApiProblem("credential.not-found");
  const [now] = await openOne();
  // Requested between the two locks: its row cannot be locked any more without breaking the order.
  if (now && now.code !== open?.code) throw new ApiProblem("credential.change-open", undefined, { openCode: now.code });
  return now;
}

/** Whatever was ever sent keeps its value for 90 days. */
async function discardOpen(tx: Transaction, credentialId: string): Promise<number[]> {
  const rows = await tx
    .update(secretVersions)
    .set({ status: "discarded", purgeAfter: sql`now() + interval '90 days'` })
    .where(
      and(eq(secretVersions.credentialId, credentialId), inArray(secretVersions.status, ["candidate", "doubtful"])),
    )
    .returning({ version: secretVersions.version });
  return rows.map(({ version }) => version);
}

/** A person says what the password is: nothing that was found out about another value holds any more. */
async function clearFindings(tx: Transaction, credentialId: string): Promise<void> {
  await tx
    .update(credentials)
    .set({
      ...tryAgain,
      lastFailure: null,
      attention: null,
      attentionSince: null,
      lastCheck: null,
      lastCheckCode: null,
      lastCheckAt: null,
      lastCheckSince: null,
    })
    .where(eq(credentials.id, credentialId));
}

export interface StoreRequest {
  readonly credentialId: string;
  readonly seal: Seal;
  readonly reason: string;
  /** Whether this password settles the doubt about a kept one. */
  readonly resolves: boolean;
  readonly actor: Actor;
}

/**
 * Makes a password that a person gave the current one.
 * @returns the number of its version, and the operations that waited for this account
 * @throws ApiProblem `credential.not-found`, `credential.change-open`, `credential.unresolved`
 */
export async function storePassword(
  tx: Transaction,
  request: StoreRequest,
): Promise<{ version: number; wake: OperationRef[] }> {
  const { credentialId } = request;
  const open = await lockCredential(tx, credentialId);
  if (open) throw new ApiProblem("credential.change-open", undefined, { openCode: open.code });
  const discarded = await discardOpen(tx, credentialId);
  if (discarded.length > 0 && !request.resolves)
    throw new ApiProblem(
      "credential.unresolved",
      `Version ${discarded.join(", ")} may be live on the device. Send "resolves": true if this password settles it.`,
    );
  await demote(tx, credentialId);
  const [last] = await tx
    .select({ version: sql<number>`coalesce(max(${secretVersions.version}), 0)::int` })
    .from(secretVersions)
    .where(eq(secretVersions.credentialId, credentialId));
  const version = (last?.version ?? 0) + 1;
  const id = newId();
  await tx.insert(secretVersions).values({
    id,
    credentialId,
    version,
    status: "current",
    sealed: request.seal({ versionId: id, credentialId, version }),
    origin: "stored",
    promotedAt: sql`now()`,
  });
  await clearFindings(tx, credentialId);
  await auditObject(tx, request.actor, {
    action: "credential.password-stored",
    objectType: "credential",
    objectId: credentialId,
    details: { version, discarded, reason: request.reason },
  });
  return { version, wake: await wakeDependents(tx, credentialId) };
}

export interface RestoreRequest {
  readonly credentialId: string;
  readonly version: number;
  /** The version the person believes to be current. */
  readonly expectedCurrent: number | null;
  readonly reason: string;
  readonly actor: Actor;
}

/**
 * Makes a kept version the current one: a candidate in doubt, or an older one that logs in.
 * @returns the operations that waited for this account
 * @throws ApiProblem `credential.not-found`, `credential.change-open` while a change runs, `request.stale`, `version.not-found`
 */
export async function restoreVersion(tx: Transaction, request: RestoreRequest): Promise<OperationRef[]> {
  const { credentialId, version } = request;
  const open = await lockCredential(tx, credentialId);
  if (open?.state === "running")
    throw new ApiProblem("credential.change-open", "A change of this credential is running.", { openCode: open.code });
  const [current] = await tx
    .select({ version: secretVersions.version })
    .from(secretVersions)
    .where(and(eq(secretVersions.credentialId, credentialId), eq(secretVersions.status, "current")));
  const currentVersion = current?.version ?? null;
  if (currentVersion !== request.expectedCurrent)
    throw new ApiProblem("request.stale", "Another version is current than the one expected.", { currentVersion });
  const wanted = await readVersion(tx, credentialId, version);
  const discarded = await discardOpen(tx, credentialId);
  if (wanted.status !== "current") {
    await demote(tx, credentialId);
    const restored = await tx
      .update(secretVersions)
      .set({ status: "current", promotedAt: sql`now()`, purgeAfter: null })
      .where(and(eq(secretVersions.id, wanted.id), isNotNull(secretVersions.sealed)))
      .returning({ version: secretVersions.version });
    // Its time was over, and its value was destroyed since it was read.
    if (restored.length === 0) throw new ApiProblem("version.not-found");
  }
  await clearFindings(tx, credentialId);
  await auditObject(tx, request.actor, {
    action: "credential.version-restored",
    objectType: "credential",
    objectId: credentialId,
    details: {
      version,
      before: currentVersion,
      discarded: discarded.filter((number) => number !== version),
      reason: request.reason,
    },
  });
  return wakeDependents(tx, credentialId);
}
