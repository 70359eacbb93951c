import { ActivityFailure } from "@temporalio/workflow";
import type { DriftCounts } from "../contracts/messages.ts";
import { driftActivities, planDrift } from "./activity-options.ts";

const NOTHING: DriftCounts = { accepted: 0, rejected: 0, unknown: 0 };

/** Every few minutes, from a Temporal Schedule: asks whether stored passwords still log in, all sites at once. */
export async function driftSweep(): Promise<DriftCounts> {
  const { sites, limitMs } = await planDrift();
  const found = await Promise.all(
    sites.map(({ site, limit }) => driftActivities(site, limitMs).checkDrift({ site, limit }).catch(missed)),
  );
  return found.reduce(
    (sum, { accepted, rejected, unknown }) => ({
      accepted: sum.accepted + accepted,
      rejected: sum.rejected + rejected,
      unknown: sum.unknown + unknown,
    }),
    NOTHING,
  );
}

/** A site without a worker, or whose worker died: the next pass goes on there, and the others are not held up. */
function missed(error: unknown): DriftCounts {
  if (error instanceof ActivityFailure) return NOTHING;
  throw error;
}
