/** error → scheduled: a new run with a fresh allowance of attempts. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { Transaction } from "../client.ts";
import { violatedConstraint } from "../postgres-error.ts";
import { credentials, devices, operations, secretVersions } from "../schema/index.ts";
import { type Acted, type ActionRequest, lockFor, type Outcome, refuse, type Refusal } from "./action-lock.ts";
import { auditOperations } from "./audit.ts";
import { authenticators, settingsRefusal, uuidArray } from "./eligibility.ts";
import { isLifetimeOver } from "./removal.ts";
import type { OperationRow } from "./stage-facts.ts";
import { STARTED_CHANNEL } from "./starter.ts";

/** How often others may take a place at the very moment it is wanted. */
const TRIES = 5;

/**
 * Restarts operations that ended in error. An approval holds for the operation, so it is not asked for again unless
 * stage finds that what was approved has changed.
 */
export async function restart(tx: Transaction, request: ActionRequest): Promise<Acted> {
  const { rows, refused } = await lockFor(tx, "restart", request.codes);
  const ids = [...new Set(rows.map(({ credentialId }) => credentialId))].toSorted();
  // A restore or a password stored by hand may be under way: what it resolves is not resolved twice.
  await tx
    .select({ id: credentials.id })
    .from(credentials)
    .where(sql`${credentials.id} = any(${uuidArray(ids)})`)
    .orderBy(credentials.id)
    .for("key share");
  const hindrances = await readHindrances(tx, rows, request);
  const eligible = rows.filter(({ code }) => !hindrances.has(code));
  const reopened = await reopen(tx, eligible, request.scheduledFor);
  const open = await readOpen(tx, eligible);
  const outcomes = rows.map((row): Outcome => {
    if (reopened.has(row.code)) return { code: row.code, state: "scheduled" };
    const openCode = open.get(row.credentialId);
    const taken: Refusal = { code: "credential.change-open", extras: openCode === undefined ? {} : { openCode } };
    return refuse(row, hindrances.get(row.code) ?? taken);
  });
  await auditOperations(
    tx,
    request.actor,
    rows
      .filter(({ code }) => reopened.has(code))
      .map(({ code, run, outcome }) => {
        return { code, action: "operation.restarted", details: { run: run + 1, before: outcome } };
      }),
  );
  if (reopened.size > 0) await tx.execute(sql`select pg_notify(${STARTED_CHANNEL}, '')`);
  return { outcomes: [...refused, ...outcomes], signals: [] };
}

/** What stands in the way, by code: settings that do not allow the work any more, or another operation's doubt. */
async function readHindrances(
  tx: Transaction,
  rows: readonly OperationRow[],
  { plugins }: ActionRequest,
): Promise<Map<number, Refusal>> {
  const ids = uuidArray(rows.map(({ credentialId }) => credentialId));
  const found = await tx
    .select({
      id: credentials.id,
      change: settingsRefusal(plugins),
      demanded: settingsRefusal(plugins, false),
      doubt: { version: secretVersions.version, operation: secretVersions.operationCode },
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .leftJoin(authenticators, eq(authenticators.id, credentials.authenticationCredentialId))
    .leftJoin(
      secretVersions,
      and(eq(secretVersions.credentialId, credentials.id), inArray(secretVersions.status, ["candidate", "doubtful"])),
    )
    .where(sql`${credentials.id} = any(${ids})`);
  const byId = new Map(found.map((row) => [row.id, row]));
  const hindrances = new Map<number, Refusal>();
  for (const row of rows) {
    const { code, kind, credentialId } = row;
    const facts = byId.get(credentialId);
    const settings = (kind === "change-password" ? facts?.change : facts?.demanded) ?? undefined;
    const doubt = facts?.doubt;
    // What is no change of its account logs in with settings of its own, which stage looks at.
    const changes = kind === "change-password" || kind === "child-password-change";
    const inactive = settings === "credential.inactive" && kind !== "credential-activation";
    const holds = changes || inactive || settings === "device.inactive";
    if (settings && holds) hindrances.set(code, { code: settings });
    else if (kind === "ephemeral-credential-creation" && (await isLifetimeOver(tx, row)))
      hindrances.set(code, { code: "ephemeral.lifetime-over" });
    // A restart may resolve its own doubt; another change's is resolved through that one, by a restore or reconciliation.
    else if ((changes || row.givesPassword) && doubt && doubt.operation !== code)
      hindrances.set(code, {
        code: "credential.attention",
        detail: `Version ${doubt.version} is in doubt since operation ${doubt.operation}: restart that one, or restore a version.`,
      });
  }
  return hindrances;
}

/**
 * Gives each row the credential's one open place where that is free.
 * @returns the codes of those that got it
 */
async function reopen(
  tx: Transaction,
  rows: readonly OperationRow[],
  scheduledFor: Date | undefined,
): Promise<Set<number>> {
  // Two errors of one credential cannot both be open again: the older code has it. A job about none takes no place.
  const places = rows.map(({ code, credentialId, loginCredentialId }) => {
    return [loginCredentialId === null ? credentialId : code, code] as const;
  });
  const first = new Map(places.toReversed());
  const dueAt = sql`greatest(now(), ${scheduledFor?.toISOString() ?? null}::timestamptz)`;
  const update = (inner: Transaction) =>
    inner
      .update(operations)
      .set({
        state: "scheduled",
        run: sql`${operations.run} + 1`,
        runAttempts: 0,
        refusals: 0,
        probes: 0,
        openCredentialId: sql`case when ${operations.loginCredentialId} is null then ${operations.credentialId} end`,
        scheduledFor: dueAt,
        dueAt,
        wakeAt: dueAt,
        waitingFor: sql`case when ${dueAt} > now() then 'time' else 'queue' end`,
        endedAt: null,
      })
      .where(
        and(
          inArray(operations.code, [...first.values()]),
          sql`(${operations.loginCredentialId} is not null or not exists (
            select 1 from operations o where o.open_credential_id = ${operations.credentialId}))`,
        ),
      )
      .returning({ code: operations.code });
  for (let tries = 1; first.size > 0; tries += 1)
    try {
      // In a savepoint: the index decides who has a place, and whoever was told so looks again.
      const reopened = await tx.transaction(update);
      return new Set(reopened.map(({ code }) => code));
    } catch (error) {
      if (violatedConstraint(error) !== "operations_one_open" || tries === TRIES) throw error;
    }
  return new Set();
}

/** Codes of the open operations, by credential. */
async function readOpen(tx: Transaction, rows: readonly OperationRow[]): Promise<Map<string, number>> {
  const found = await tx
    .select({ credentialId: operations.credentialId, code: operations.code })
    .from(operations)
    .where(sql`${operations.openCredentialId} = any(${uuidArray(rows.map(({ credentialId }) => credentialId))})`);
  return new Map(found.map(({ credentialId, code }) => [credentialId, code]));
}
