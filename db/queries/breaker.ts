/** The breaker of a device: two transport failures in a row keep changes away from it for a while. */
import { and, eq, sql } from "drizzle-orm";
import type { ErrorCode } from "../../contracts/errors.ts";
import type { Transaction } from "../client.ts";
import { devices } from "../schema/index.ts";

/** Failures of the way to the device, not of the account. */
const TRANSPORT: ReadonlySet<ErrorCode> = new Set([
  "target.unreachable",
  "target.timeout",
  "target.connection-lost",
  "target.busy",
]);

/** Failures that only a device which was reached can cause. */
const REACHED = /^(auth|account|verify)\.|^change\.(refused|not-applied)$/;

/** Counts a failed way to the device, or forgets those before when this failure proves that it was reached. */
export async function noteReach(
  tx: Transaction,
  deviceId: string,
  { reason, breakerSeconds }: { reason: ErrorCode; breakerSeconds: number },
): Promise<void> {
  if (TRANSPORT.has(reason))
    await tx
      .update(devices)
      .set({
        transportFailures: sql`${devices.transportFailures} + 1`,
        breakerUntil: sql`case when ${devices.transportFailures} >= 1 and ${breakerSeconds} > 0
          then now() + make_interval(secs => ${breakerSeconds}) else ${devices.breakerUntil} end`,
      })
      .where(eq(devices.id, deviceId));
  else if (REACHED.test(reason))
    await tx
      .update(devices)
      .set({ transportFailures: 0, breakerUntil: null })
      .where(and(eq(devices.id, deviceId), sql`${devices.transportFailures} > 0`));
}
