import { WORKER_STOP_MS } from "../../contracts/change-limit.ts";
import { MAIN_QUEUE } from "../../contracts/ids.ts";
import type { Instance } from "../engine/instance.ts";
import { isPolled } from "../engine/namespace.ts";
import { workflowBundle } from "../workflow-bundle.ts";
import type { Engines } from "./engines.ts";
import { startNode } from "./node-process.ts";
import type { Running } from "./service.ts";

export interface OwnProcess {
  instance: Instance;
  engines: Engines;
  /** Of the API. */
  url: string;
  environment: Readonly<Record<string, string>>;
}

const API_GRACE_MS = 15_000;

/** How to start a worker; its workflows are bundled before, once per content. */
export function startWorker(own: OwnProcess, say: (line: string) => void): () => Promise<Running> {
  const { temporalAddress, namespace } = own.engines;
  return async () => {
    const bundle = await workflowBundle({ state: own.instance.state, say });
    return startNode({
      name: "worker",
      instance: own.instance,
      script: "worker.ts",
      environment: { ...own.environment, KEYTURN_WORKFLOW_BUNDLE: bundle },
      isReady: (pid) => isPolled(temporalAddress, { namespace, name: MAIN_QUEUE }, pid),
      graceMs: WORKER_STOP_MS,
    });
  };
}

/** How to start the API. */
export function startApi(own: OwnProcess): () => Promise<Running> {
  return () =>
    startNode({
      name: "api",
      instance: own.instance,
      script: "api/server.ts",
      environment: own.environment,
      isReady: () => isServed(`${own.url}/readyz`),
      graceMs: API_GRACE_MS,
    });
}

function isServed(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
