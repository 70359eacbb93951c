import { type PauseScope, pausedOperations, windowOperations } from "../db/queries/pauses.ts";
import type { ApiDeps } from "./deps.ts";

/** Wakes what waited for a pause that is over. One that dies meanwhile is made up for: each looks again by itself. */
export async function wakePaused({ db, orchestrator }: ApiDeps, scope: PauseScope): Promise<void> {
  for await (const refs of pausedOperations(db, scope)) orchestrator.signal(refs, "wake");
}

/** Wakes what waited for a window of the policy, whose windows were edited. */
export async function wakeWindows({ db, orchestrator }: ApiDeps, policyId: string): Promise<void> {
  for await (const refs of windowOperations(db, policyId)) orchestrator.signal(refs, "wake");
}
