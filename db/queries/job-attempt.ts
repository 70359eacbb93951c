/** How a job ends well, and what that says of the credential that it was about. */
import { and, eq, inArray, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { OperationKind } from "../../contracts/states.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, credentials, devices, operations, secretVersions } from "../schema/index.ts";
import { type AttemptClaim, type AttemptRecord, endAttempt, mine } from "./attempt.ts";
import { auditObject, WORKER } from "./audit.ts";
import { endOperation } from "./end-operation.ts";
import { wakeNext } from "./permits.ts";
import type { OperationRow } from "./stage-facts.ts";

/**
 * running → succeeded: the template ran to its end, and a removal is proven. Repeating it does nothing.
 * @returns the workflows that may go on with it; undefined when another worker has taken the attempt over
 */
export async function succeedJob(
  db: Database,
  claim: AttemptClaim,
  record: AttemptRecord,
): Promise<OperationRef[] | undefined> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, claim.code)).for("update");
    const held = await tx.select({ number: attempts.number }).from(attempts).where(mine(claim));
    if (operation?.state !== "running" || held.length === 0) return undefined;
    await endAttempt(tx, claim, { record, outcome: "job.done" });
    await endOperation(tx, { code: claim.code, state: "succeeded", details: { attempt: claim.number } });
    await followSuccess(tx, operation);
    await tx
      .update(devices)
      .set({ transportFailures: 0, breakerUntil: null })
      .where(and(eq(devices.id, operation.deviceId), sql`${devices.transportFailures} > 0`));
    return wakeNext(tx, operation);
  });
}

const ENDS_ACCOUNT: ReadonlySet<OperationKind> = new Set(["credential-inactivation", "user-deletion"]);

/** An account that is locked or gone has no active credential any more; one that is unlocked has. */
async function followSuccess(tx: Transaction, operation: OperationRow): Promise<void> {
  const { kind } = operation;
  if (operation.loginCredentialId !== null) return;
  if (kind === "credential-activation") await activate(tx, operation);
  if (kind === "ephemeral-credential-removal") await forsake(tx, operation);
  else if (ENDS_ACCOUNT.has(kind)) await inactivate(tx, operation);
}

/** What became of the account of an ephemeral credential is settled. */
export async function forsake(tx: Transaction, removal: Ended): Promise<void> {
  await discardDoubt(tx, removal.credentialId);
  await inactivate(tx, removal);
}

type Ended = Pick<OperationRow, "code" | "credentialId">;

/** Unless another active credential is the same account's: two would each change its password. */
async function activate(tx: Transaction, { code, credentialId }: Ended): Promise<void> {
  const { deviceId, plugin, username, domain, additionalInfo } = credentials;
  const changed = await tx
    .update(credentials)
    .set({ active: true, revision: sql`${credentials.revision} + 1`, updatedAt: sql`now()` })
    .where(
      and(
        eq(credentials.id, credentialId),
        eq(credentials.active, false),
        sql`not exists (select 1 from credentials t where t.active and t.device_id = ${deviceId}
          and t.plugin = ${plugin} and t.username = ${username} and t.domain = ${domain}
          and t.additional_info = ${additionalInfo})`,
      ),
    )
    .returning({ id: credentials.id });
  if (changed.length > 0) await tell(tx, "credential.activated", { code, credentialId });
}

/** Its history is kept. */
export async function inactivate(tx: Transaction, { code, credentialId }: Ended): Promise<void> {
  const changed = await tx
    .update(credentials)
    .set({ active: false, revision: sql`${credentials.revision} + 1`, updatedAt: sql`now()` })
    .where(and(eq(credentials.id, credentialId), eq(credentials.active, true)))
    .returning({ id: credentials.id });
  if (changed.length > 0) await tell(tx, "credential.inactivated", { code, credentialId });
}

async function tell(
  tx: Transaction,
  action: "credential.activated" | "credential.inactivated",
  { code, credentialId }: Ended,
): Promise<void> {
  const details = { operation: code };
  await auditObject(tx, WORKER, { action, objectType: "credential", objectId: credentialId, details });
}

/** Whatever its password was, it opens nothing any more: no person has to decide about it. */
async function discardDoubt(tx: Transaction, credentialId: string): Promise<void> {
  await tx
    .update(secretVersions)
    .set({ status: "discarded", purgeAfter: sql`now() + interval '90 days'` })
    .where(
      and(eq(secretVersions.credentialId, credentialId), inArray(secretVersions.status, ["candidate", "doubtful"])),
    );
  await tx.update(credentials).set({ attention: null, attentionSince: null }).where(eq(credentials.id, credentialId));
}
