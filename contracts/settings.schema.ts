import { z } from "zod";
import { OPERATION_KINDS } from "./states.ts";

const whole = (minimum: number, maximum: number, fallback: number) =>
  z.int().min(minimum).max(maximum).default(fallback);

/** Global settings, one row in the database. Ranges of the first five are the original product's. */
export const Settings = z.strictObject({
  /** Attempts of one run. */
  attempts: whole(1, 10, 3),
  /** Minutes between two attempts of one run. */
  intervalMinutes: whole(0, 1440, 5),
  /** Seconds to reach a device and log in. */
  connectTimeoutSeconds: whole(1, 300, 10),
  /** Seconds a device may stay silent. */
  readTimeoutSeconds: whole(1, 300, 20),
  /** Failed log-ins of one account that are allowed within the window. */
  loginFailures: whole(1, 20, 3),
  loginWindowMinutes: whole(1, 1440, 30),
  /** How long after the point of no return a candidate may still reach the device. */
  leaseSeconds: whole(1, 600, 45),
  /** A worker that is silent for so long is taken for dead. */
  heartbeatSeconds: whole(1, 120, 10),
  /** First pause between two looks at a password in doubt; it doubles each time. */
  probeSeconds: whole(1, 3600, 5),
  /** Looks at a password in doubt before a person decides. */
  probes: whole(1, 50, 8),
  /** Hours after which a due operation that no worker took ends in error. */
  noWorkerHours: whole(1, 720, 24),
  /** Two transport failures in a row keep changes away from a device for so long. */
  breakerSeconds: whole(0, 3600, 60),
  /** Days without a new automatic change after all attempts of one failed. */
  coolDownDays: whole(1, 7, 1),
  /** Automatic changes that one minute's pass over the policies makes at most. */
  recordsPerCycle: whole(1, 10_000, 500),
  /** Automatic changes do not start while this is set. */
  automaticPaused: z.boolean().default(false),
  /** Equal errors in a row that pause a policy. */
  errorsThatPause: whole(2, 1000, 10),
  /** Hours between two drift checks of one credential; 0 switches them off. */
  driftHours: whole(0, 720, 24),
  /** Approvals that an operation of the kind needs where its policy says nothing. */
  approvalsByKind: z
    .partialRecord(z.enum(OPERATION_KINDS), z.int().min(0).max(10))
    .default({ "certificate-publication": 1, "task-manager": 1 }),
  /** Whether a new text of a template runs only after a second person approved it. */
  templateApproval: z.boolean().default(true),
  /** Minutes after which an operation that waits for approval expires, where its policy says nothing. */
  approvalExpiresMinutes: whole(1, 43_200, 1440),
  /** Outcomes after which a credential with automatic reconciliation is reconciled. */
  reconcileOn: z
    .array(z.enum(["auth.rejected", "change.unverified", "verify.rejected"]))
    .default(["auth.rejected", "change.unverified", "verify.rejected"]),
});
export type Settings = z.infer<typeof Settings>;
