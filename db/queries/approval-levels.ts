/** Whose turn it is to approve. Pure. */
import type { ApprovalLevel, ApprovalRule } from "../../contracts/policy.ts";

/** An approval of the present round. */
export interface Approved {
  readonly person: string;
  /** Place in the rule's levels, from 0. */
  readonly level: number;
}

/**
 * The level that is asked now: the first that has fewer approvals than it wants.
 * @param approved approvals of the present round
 * @returns undefined when all levels agreed
 */
export function askedLevel(
  rule: ApprovalRule,
  approved: readonly Approved[],
): (ApprovalLevel & { readonly number: number }) | undefined {
  for (const [number, level] of rule.levels.entries())
    if (approved.filter((one) => one.level === number).length < level.approvals) return { ...level, number };
  return undefined;
}

/** Whether two names are the same person's, in any case. */
export function samePerson(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
