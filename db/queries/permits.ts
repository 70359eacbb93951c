/**
 * Device permits: at most `devices.permits` changes at once on one device. Whoever frees one hands it to the next
 * parked row in the same transaction; nobody polls.
 */
import { and, eq, inArray, or, sql } from "drizzle-orm";
import type { OperationRef } from "../../contracts/messages.ts";
import type { Transaction } from "../client.ts";
import { devices, operations } from "../schema/index.ts";

/** A granted permit that nobody took up for so long is free again. */
const GRANT_HOLDS = sql`interval '2 minutes'`;

/** Rows that may wait for a permit or a log-in: before an attempt, or in one whose password is to be sent once more. */
const WAITS = sql`state in ('scheduled', 'running')`;

interface Permits {
  readonly free: number;
  /** Whether rows are parked on the device, and whether some wait for the log-in of the credential asked about. */
  readonly parked: boolean;
  readonly dependents: boolean;
}

/**
 * Locks the device and counts its free permits, leaving out a grant that the asking operation holds itself. There are
 * none while the breaker keeps changes away: a row that was granted one would only park and grant it to the next.
 * Lock order everywhere: operation row first, then device.
 */
async function readPermits(
  tx: Transaction,
  asked: { deviceId: string; code?: number; credentialId?: string },
): Promise<Permits> {
  const { deviceId, code = 0, credentialId = null } = asked;
  // Both are under way before the first is answered; the count runs after the lock is held.
  const [[device], [seen]] = await Promise.all([
    tx
      .select({ permits: sql<number>`case when ${devices.breakerUntil} > now() then 0 else ${devices.permits} end` })
      .from(devices)
      .where(eq(devices.id, deviceId))
      .for("no key update"),
    tx.execute<{ taken: number; parked: boolean; dependents: boolean }>(sql`
      select (select count(*)::int from attempts where device_id = ${deviceId} and permit)
             + (select count(*)::int from operations where device_id = ${deviceId} and waiting_for = 'device'
               and ${WAITS} and code <> ${code} and permit_granted_at > now() - ${GRANT_HOLDS}) as taken,
             exists (select 1 from operations where device_id = ${deviceId} and waiting_for = 'device') as parked,
             exists (select 1 from operations where authenticator_id = ${credentialId}::uuid
               and waiting_for in ('authenticator', 'login-budget')) as dependents`),
  ]);
  if (!device || !seen) throw new Error("the device's row is gone");
  return { free: device.permits - seen.taken, parked: seen.parked, dependents: seen.dependents };
}

/** How many more changes may run on the device, its row locked from here on; `code` asks for itself. */
export async function freePermits(tx: Transaction, deviceId: string, code: number): Promise<number> {
  return (await readPermits(tx, { deviceId, code })).free;
}

/** After an attempt ended: hands on its permit, and says which workflows may go on now. */
export async function wakeNext(
  tx: Transaction,
  ended: { deviceId: string; credentialId: string },
): Promise<OperationRef[]> {
  const { free, parked, dependents } = await readPermits(tx, ended);
  const granted = parked ? await grant(tx, ended.deviceId, free) : [];
  return dependents ? [...granted, ...(await wakeDependents(tx, ended.credentialId))] : granted;
}

/**
 * Hands the device's free permits to the next parked rows and says which workflows to wake.
 * Rows that another transaction holds are passed over: they are being staged or ended right now.
 */
export async function grantPermits(tx: Transaction, deviceId: string): Promise<OperationRef[]> {
  const { free, parked } = await readPermits(tx, { deviceId });
  return parked ? grant(tx, deviceId, free) : [];
}

/** A permit that was granted to this row and is not taken up goes to the next one. */
export async function passPermitOn(
  tx: Transaction,
  { permitGrantedAt, deviceId }: Pick<typeof operations.$inferSelect, "permitGrantedAt" | "deviceId">,
): Promise<OperationRef[]> {
  return permitGrantedAt === null ? [] : grantPermits(tx, deviceId);
}

async function grant(tx: Transaction, deviceId: string, free: number): Promise<OperationRef[]> {
  if (free <= 0) return [];
  const next = tx
    .select({ code: operations.code })
    .from(operations)
    .where(
      and(
        eq(operations.deviceId, deviceId),
        WAITS,
        eq(operations.waitingFor, "device"),
        sql`(${operations.permitGrantedAt} is null or ${operations.permitGrantedAt} < now() - ${GRANT_HOLDS})`,
        // Not `now()`: whoever parked while this transaction waited for the device was due after its beginning.
        sql`${operations.dueAt} <= clock_timestamp()`,
      ),
    )
    .orderBy(operations.priority, operations.code)
    .limit(free)
    .for("update", { skipLocked: true });
  return tx
    .update(operations)
    .set({ permitGrantedAt: sql`now()`, wakeAt: sql`now()` })
    .where(inArray(operations.code, next))
    .returning({ code: operations.code, run: operations.run });
}

/**
 * Rows that wait until this credential's own change is over or its log-ins work again: they log in with it. What was to
 * look again in a minute is due now.
 */
export async function wakeDependents(tx: Transaction, credentialId: string): Promise<OperationRef[]> {
  const waiting = tx
    .select({ code: operations.code })
    .from(operations)
    .where(
      and(
        eq(operations.authenticatorId, credentialId),
        WAITS,
        or(eq(operations.waitingFor, "authenticator"), eq(operations.waitingFor, "login-budget")),
      ),
    )
    .for("update", { skipLocked: true });
  return tx
    .update(operations)
    .set({ wakeAt: sql`now()`, dueAt: sql`least(${operations.dueAt}, now())` })
    .where(inArray(operations.code, waiting))
    .returning({ code: operations.code, run: operations.run });
}
