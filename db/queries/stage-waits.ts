/** What a scheduled operation has to wait for, told from the facts that stage read. Pure. */
import type { WaitingFor } from "../../contracts/states.ts";
import type { Hindrances, OperationRow, Parties } from "./stage-facts.ts";
import { windowOpensAt } from "./windows.ts";

/** How long a row waits for another to finish before it looks by itself. Milliseconds. */
const RECHECK_MS = 300_000;

export interface Wait {
  readonly waitingFor: WaitingFor;
  readonly recheckAt: Date;
  /** Whether it comes before everything else: nothing at all is done with the row yet. */
  readonly first?: boolean;
}

/**
 * Run-now lifts time and window, never a pause, a device's limit or an account's log-in budget.
 * @param facts.permits free permits of the device
 * @returns undefined when nothing stands in the way
 */
export function hindrance(
  operation: OperationRow,
  parties: Parties,
  facts: { hindrances: Hindrances; permits: number },
): Wait | undefined {
  const { hindrances, permits } = facts;
  const now = new Date();
  const soon = new Date(now.getTime() + RECHECK_MS);
  if (!hindrances.due) return { waitingFor: "time", recheckAt: operation.dueAt, first: true };
  if (hindrances.paused) return { waitingFor: "pause", recheckAt: soon, first: true };
  if (operation.priority !== 1 && parties.policy) {
    const opensAt = windowOpensAt(parties.policy.windows, operation.trigger, now);
    if (opensAt > now) return { waitingFor: "window", recheckAt: opensAt, first: true };
  }
  if (hindrances.breakerUntil) return { waitingFor: "device", recheckAt: hindrances.breakerUntil };
  if (hindrances.authenticatorBusy) return { waitingFor: "authenticator", recheckAt: soon };
  if (hindrances.budgetFreeAt) return { waitingFor: "login-budget", recheckAt: hindrances.budgetFreeAt };
  return permits <= 0 ? { waitingFor: "device", recheckAt: soon } : undefined;
}
