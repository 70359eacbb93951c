import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import { ensureNamespace } from "../../scripts/engine/namespace.ts";
import { workflowBundle } from "../../scripts/workflow-bundle.ts";

/** What config/env.ts wants to know to work in a Temporal namespace of this test's own. */
export interface TestTemporal {
  address: string;
  namespace: string;
}

/** A new namespace on the run's Temporal server (about 20 ms): queue names and workflow ids cannot clash. */
export async function freshNamespace(): Promise<TestTemporal> {
  const address = inject("temporalAddress");
  const namespace = `test-${randomUUID()}`;
  await ensureNamespace(address, namespace);
  return { address, namespace };
}

/** Path of the present workflows' bundle, made once per content. */
export const prebuiltWorkflows = (): Promise<string> => workflowBundle();
