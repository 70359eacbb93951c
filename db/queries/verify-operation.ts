/** Operations of the kind `verify-password`: they ask whether the stored password logs in, and touch none. */
import { eq, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationRef } from "../../contracts/messages.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { attempts, credentials, devices, operations } from "../schema/index.ts";
import { type AttemptClaim, type AttemptRecord, endAttempt, mine } from "./attempt.ts";
import { endOperation } from "./end-operation.ts";
import { type Opened, openOperations } from "./open-operations.ts";
import { wakeNext } from "./permits.ts";
import { changeOpen, type CredentialRequest } from "./reconcile.ts";
import type { Parties, VersionRow } from "./stage-facts.ts";

/** A check that is under way. The password is still sealed. */
export interface StagedCheck extends AttemptClaim {
  readonly parties: Parties;
  readonly current: VersionRow;
}

/** What keeps a check from being made at all. */
export function checkRefusal({ credential, device }: Parties, current: VersionRow | undefined): ErrorCode | undefined {
  if (!credential.active) return "credential.inactive";
  if (!device.active) return "device.inactive";
  return current ? undefined : "credential.no-password";
}

/**
 * Opens a check that a person asks for. A credential in attention may be checked.
 * @throws ApiProblem `credential.not-found`, `credential.inactive`, `device.inactive`, `credential.plugin-unknown`,
 * `credential.no-password`, `credential.change-open`
 */
export async function requestVerification(tx: Transaction, request: CredentialRequest): Promise<Opened> {
  const { credentialId, reason, actor, scheduledFor: dueAt } = request;
  const read = async () => {
    const [row] = await tx
      .select({
        active: credentials.active,
        deviceActive: devices.active,
        plugin: credentials.plugin,
        hasPassword: sql<boolean>`exists (select 1 from secret_versions
          where credential_id = ${credentials.id} and status = 'current')`,
        openCode: sql<string | null>`(select code from operations where open_credential_id = ${credentials.id})`,
      })
      .from(credentials)
      .innerJoin(devices, eq(devices.id, credentials.deviceId))
      .where(eq(credentials.id, credentialId));
    if (!row) throw new ApiProblem("credential.not-found");
    return row;
  };
  const row = await read();
  if (!row.active) throw new ApiProblem("credential.inactive");
  if (!row.deviceActive) throw new ApiProblem("device.inactive");
  if (request.plugins.every(({ kind }) => kind !== row.plugin)) throw new ApiProblem("credential.plugin-unknown");
  if (!row.hasPassword) throw new ApiProblem("credential.no-password");
  if (row.openCode !== null) throw changeOpen(row.openCode);
  const items = [{ credentialId, trigger: "request" as const, dueAt }];
  const [opened] = await openOperations(tx, { kind: "verify-password", priority: 2, reason, actor, items });
  if (!opened) throw changeOpen((await read()).openCode);
  return opened;
}

/**
 * running → succeeded: the password was accepted.
 * @returns the workflows that may go on with it; undefined when another worker has taken the attempt over
 */
export async function succeedCheck(
  db: Database,
  claim: AttemptClaim,
  { record, code }: { record: AttemptRecord; code: ErrorCode },
): Promise<OperationRef[] | undefined> {
  return db.transaction(async (tx) => {
    const [operation] = await tx.select().from(operations).where(eq(operations.code, claim.code)).for("update");
    const held = await tx.select({ number: attempts.number }).from(attempts).where(mine(claim));
    if (operation?.state !== "running" || held.length === 0) return undefined;
    await endAttempt(tx, claim, { record, outcome: code });
    await endOperation(tx, { code: claim.code, state: "succeeded", details: { attempt: claim.number, found: code } });
    return wakeNext(tx, operation);
  });
}
