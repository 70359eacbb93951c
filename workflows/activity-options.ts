/** Named time-out profiles of the activities: no literal stands in a workflow. */
import { proxyActivities } from "@temporalio/workflow";
import type { MainActivities, ProbeActivities, SiteActivities } from "../activities/index.ts";
import { MAIN_QUEUE, probeQueue, siteQueue } from "../contracts/ids.ts";
import type { OperationInput } from "../contracts/messages.ts";

/** Our own database only: retried without limit, for a written outcome must not get lost. */
export function ownActivities(summary: string) {
  return proxyActivities<MainActivities>({
    taskQueue: MAIN_QUEUE,
    // Short transactions: a task handed to a worker that froze is soon given to another.
    startToCloseTimeout: "10 seconds",
    retry: { initialInterval: "200 milliseconds", backoffCoefficient: 2, maximumInterval: "15 seconds" },
    summary,
  });
}

/** A pass over the rows that stood still; the next minute's sweep follows a failed one. */
export const { repair } = proxyActivities<MainActivities>({
  taskQueue: MAIN_QUEUE,
  startToCloseTimeout: "1 minute",
  retry: { maximumAttempts: 2 },
  summary: "mend what did not move when it should have",
});

/** A pass over due credentials; one that was interrupted goes on, and the next minute's sweep follows a failed one. */
export const { sweepPolicies } = proxyActivities<MainActivities>({
  taskQueue: MAIN_QUEUE,
  startToCloseTimeout: "2 minutes",
  heartbeatTimeout: "20 seconds",
  retry: { maximumAttempts: 2 },
  summary: "open the changes that policies want",
});

/** The straight path: never retried by Temporal, because only a probe knows what a lost change left behind. */
export function siteActivities({ site, priority, timing }: OperationInput, summary: string) {
  return proxyActivities<SiteActivities>({
    taskQueue: siteQueue(site),
    startToCloseTimeout: timing.changeMs,
    heartbeatTimeout: timing.heartbeatMs,
    cancellationType: "WAIT_CANCELLATION_COMPLETED",
    retry: { maximumAttempts: 1 },
    priority: { priorityKey: priority },
    summary,
  });
}

/** Looks at devices: retried without limit, each look begins afresh. */
export function probeActivities({ site, timing }: OperationInput, summary: string) {
  return proxyActivities<ProbeActivities>({
    taskQueue: probeQueue(site),
    startToCloseTimeout: timing.changeMs,
    heartbeatTimeout: timing.heartbeatMs,
    retry: { initialInterval: "500 milliseconds", backoffCoefficient: 2, maximumInterval: "30 seconds" },
    summary,
  });
}

/** Which sites have credentials to check; the next pass follows a failed one. */
export const { planDrift } = proxyActivities<MainActivities>({
  taskQueue: MAIN_QUEUE,
  startToCloseTimeout: "1 minute",
  retry: { maximumAttempts: 2 },
  summary: "find out which passwords are to be checked",
});

/** One site's drift checks of a pass: never repeated within it, for every check is claimed once. */
export function driftActivities(site: string, limitMs: number) {
  return proxyActivities<ProbeActivities>({
    taskQueue: probeQueue(site),
    scheduleToStartTimeout: "30 seconds",
    startToCloseTimeout: limitMs,
    heartbeatTimeout: "10 seconds",
    retry: { maximumAttempts: 1 },
    summary: `check stored passwords of ${site}`,
  });
}

/** One look that a person waits for. */
export function inspections(site: string, summary: string) {
  return proxyActivities<ProbeActivities>({
    taskQueue: probeQueue(site),
    startToCloseTimeout: "2 minutes",
    scheduleToCloseTimeout: "2 minutes",
    retry: { maximumAttempts: 2 },
    summary,
  });
}

/** Lines of a template really are sent: never repeated by itself. */
export function rehearsals(site: string) {
  return proxyActivities<ProbeActivities>({
    taskQueue: probeQueue(site),
    startToCloseTimeout: "90 seconds",
    scheduleToCloseTimeout: "90 seconds",
    retry: { maximumAttempts: 1 },
    summary: "rehearse a template up to its first password",
  });
}
