/** Names that more than one process must agree on: workflow ids, task queues, the namespace. */

/** Temporal namespace of everything Keyturn runs. */
export const NAMESPACE = "keyturn";

/** Queue of all workflow tasks and of the short activities that only touch our database. */
export const MAIN_QUEUE = "keyturn";

/** The site of devices that name none. */
export const DEFAULT_SITE = "default";

/** Queue of the activities that talk to a site's devices. */
export function siteQueue(site: string): string {
  return `site-${site}`;
}

/** Small queue of its own for probes, so that doubt is resolved while changes fill the site's slots. */
export function probeQueue(site: string): string {
  return `site-${site}-probe`;
}

/** Workflow id of one run of an operation. */
export function operationWorkflowId(code: number, run: number): string {
  return `operation-${code}-${run}`;
}

/** Schedule and workflow id of the repair sweep. */
export const REPAIR_SCHEDULE = "repair-sweep";

/** Workflow id of the chain that follows an operation's success. */
export function chainWorkflowId(code: number): string {
  return `chain-${code}`;
}

/** Schedule and workflow ids of the passes over due and over unchecked credentials. */
export const POLICY_SCHEDULE = "policy-sweep";
export const DRIFT_SCHEDULE = "drift-sweep";
