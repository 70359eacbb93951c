import type { Acted } from "../db/queries/action-lock.ts";
import type { ApiDeps } from "./deps.ts";

/** After the commit of an action: tells the workflows whose rows it changed. */
export function tell({ orchestrator }: ApiDeps, signals: Acted["signals"]): void {
  for (const { signal, refs } of signals) orchestrator.signal(refs, signal);
}
