import type { PolicySweepResult } from "../contracts/messages.ts";
import { sweepPolicies } from "./activity-options.ts";

/** Each minute, from a Temporal Schedule: opens changes of credentials that their policies want changed. */
export async function policySweep(): Promise<PolicySweepResult> {
  return sweepPolicies();
}
