import type { RepairResult } from "../contracts/messages.ts";
import { repair } from "./activity-options.ts";

/** Each minute, from a Temporal Schedule: mends open operations that did not move when they should have. */
export async function repairSweep(): Promise<RepairResult> {
  return repair();
}
