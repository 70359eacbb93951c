import type { PolicySweepResult } from "../contracts/messages.ts";
import { sweepPage } from "../db/queries/policy-sweep.ts";
import { PLUGINS } from "../plugins/registry.ts";
import type { ActivityDeps } from "./deps.ts";

/** Credentials of one transaction. */
const PAGE = 200;
/** A pass takes up no more pages after so long: the next minute's goes on. */
const TAKE_MS = 45_000;

/** How a pass shows that it lives, and what it had opened before its worker died. */
export interface SweepProgress {
  readonly opened: number;
  beat(opened: number): void;
}

/**
 * Opens changes of credentials that are due, at most as many as one cycle may. Each page is committed by itself: a
 * pass that dies between two goes on where it was.
 */
export async function sweepPolicies(deps: ActivityDeps, progress: SweepProgress): Promise<PolicySweepResult> {
  const until = performance.now() + TAKE_MS;
  const { recordsPerCycle } = await deps.settings();
  let { opened } = progress;
  let refused = 0;
  while (opened < recordsPerCycle && performance.now() < until) {
    const limit = Math.min(PAGE, recordsPerCycle - opened);
    const page = await sweepPage(deps.db, { limit, plugins: PLUGINS });
    opened += page.opened.length;
    refused += page.refused;
    progress.beat(opened);
    await deps.atMoment?.("page-swept", 0);
    if (page.opened.length + page.refused === 0) break;
  }
  return { opened, refused };
}
