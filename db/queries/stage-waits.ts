/** What a scheduled operation has to wait for, told from the facts that stage read. */
import { eq } from "drizzle-orm";
import type { WaitingFor } from "../../contracts/states.ts";
import type { Transaction } from "../client.ts";
import { policies } from "../schema/index.ts";
import { tryHoldPolicies } from "./resolve-policies.ts";
import type { Hindrances, OperationRow, Parties } from "./stage-facts.ts";
import { windowOpensAt } from "./windows.ts";

/** How soon a row looks again whose policy is being edited. Milliseconds. */
const EDITED_MS = 1000;

/** How long a row waits for another to finish before it looks by itself. Milliseconds. */
const RECHECK_MS = 300_000;

export interface Wait {
  readonly waitingFor: WaitingFor;
  readonly recheckAt: Date;
  /** Whether it comes before everything else: nothing at all is done with the row yet. */
  readonly first?: boolean;
}

/**
 * A row that parks for a window as an edit replaces it would be missed by the edit's look for such rows, and sleep until
 * the old window opens. So it parks for long only while no edit can come in between.
 */
export async function whileWindowStands(
  tx: Transaction,
  { policyId }: OperationRow,
  { parties: { policy }, wait }: { parties: Parties; wait: Wait },
): Promise<Wait> {
  if (wait.waitingFor !== "window" || !policy || policyId === null) return wait;
  const soon = { ...wait, recheckAt: new Date(Date.now() + EDITED_MS) };
  if (!(await tryHoldPolicies(tx))) return soon;
  const [now] = await tx.select({ windows: policies.windows }).from(policies).where(eq(policies.id, policyId));
  return JSON.stringify(now?.windows) === JSON.stringify(policy.windows) ? wait : soon;
}

/**
 * Run-now lifts time and window, never a pause, a device's limit or an account's log-in budget.
 * Pure.
 * @param facts.permits free permits of the device
 * @returns undefined when nothing stands in the way
 */
export function hindrance(
  operation: OperationRow,
  parties: Parties,
  facts: { hindrances: Hindrances; permits: number },
): Wait | undefined {
  const { hindrances } = facts;
  const { now } = hindrances;
  const soon = new Date(now.getTime() + RECHECK_MS);
  if (!hindrances.due) return { waitingFor: "time", recheckAt: operation.dueAt, first: true };
  if (hindrances.paused) return { waitingFor: "pause", recheckAt: soon, first: true };
  if (operation.priority !== 1 && parties.policy) {
    const opensAt = windowOpensAt(parties.policy.windows, operation.trigger, now);
    if (opensAt > now) return { waitingFor: "window", recheckAt: opensAt, first: true };
  }
  return deviceHindrance(facts);
}

/**
 * What keeps a change from its device and account, whenever it was meant to start. Pure.
 * @param facts.permits free permits of the device
 * @returns undefined when nothing stands in the way
 */
export function deviceHindrance(facts: { hindrances: Hindrances; permits: number }): Wait | undefined {
  const { hindrances, permits } = facts;
  const soon = new Date(hindrances.now.getTime() + RECHECK_MS);
  if (hindrances.breakerUntil) return { waitingFor: "device", recheckAt: hindrances.breakerUntil };
  if (hindrances.authenticatorBusy) return { waitingFor: "authenticator", recheckAt: soon };
  if (hindrances.budgetFreeAt) return { waitingFor: "login-budget", recheckAt: hindrances.budgetFreeAt };
  return permits <= 0 ? { waitingFor: "device", recheckAt: soon } : undefined;
}
