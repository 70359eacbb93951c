import type { HeartbeatDetails, OperationRef, ProbeResult } from "../contracts/messages.ts";
import { withLimits } from "../contracts/policy.ts";
import type { Settings } from "../contracts/settings.schema.ts";
import { makesAccount } from "../contracts/states.ts";
import { recordAttempt } from "../db/queries/attempt.ts";
import { type DoubtfulAttempt, stayInDoubt, type Takeover, takeOver } from "../db/queries/probe.ts";
import { promote } from "../db/queries/promote.ts";
import { isLifetimeOver } from "../db/queries/removal.ts";
import { AttemptWork } from "./attempt-work.ts";
import type { Running } from "./change.ts";
import type { ActivityDeps } from "./deps.ts";
import { Journal } from "./journal.ts";
import type { BudgetedCheck } from "./logins.ts";
import { openVersion } from "./parties.ts";

/** Shortest and longest pause between two looks at a password in doubt. Milliseconds. */
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 600_000;

/**
 * The one entry after any doubt. Raises the epoch first, so that a stalled older worker can no longer send, then
 * finds out which password the device has.
 *
 * A negative answer ("it did not happen") needs all of: every send's lease and the plugin's settle time over before
 * these log-ins began; candidate rejected and current accepted; no lingering of old passwords. Leaving out any of
 * these loses a password (model-checked, design 4.4 step 7).
 */
export async function probe(deps: ActivityDeps, ref: OperationRef, running: Running): Promise<ProbeResult> {
  const journal = new Journal((details: HeartbeatDetails) => running.heartbeat(details), running.heartbeatMs);
  try {
    const takeover = await takeOver(deps.db, {
      ...ref,
      settleMs: (kind) => deps.findPlugin(kind)?.capabilities.settleMs ?? 0,
      wakeInMs: running.limitMs,
    });
    if (takeover.kind === "waiting") return { kind: "waiting", dueAt: takeover.dueAt.getTime() };
    if (takeover.kind === "not-yours") return takeover;
    if (takeover.kind === "no-password") return withoutPassword(takeover);
    await deps.wake(takeover.wake);
    return await lookInto(deps, takeover.attempt, journal);
  } finally {
    journal.end();
  }
}

/** What was sent may have happened; nothing says so before all of it has left the worker that was lost. */
function withoutPassword({ attempt, epoch, sent, sendsUntil }: Takeover & { kind: "no-password" }): ProbeResult {
  if (!sent) return { kind: "failed", attempt, epoch, code: "change.interrupted" };
  if (sendsUntil)
    return { kind: "undecided", attempt, nextAt: Math.max(sendsUntil.getTime(), Date.now()) + SHORTEST_PAUSE_MS };
  return { kind: "failed", attempt, epoch, code: "job.unverified" };
}

async function lookInto(deps: ActivityDeps, attempt: DoubtfulAttempt, journal: Journal): Promise<ProbeResult> {
  const { number, epoch } = attempt;
  journal.begin(number);
  if (!attempt.everSent) return { kind: "failed", attempt: number, epoch, code: "change.interrupted" };
  const settings = withLimits(await deps.settings(), attempt.parties.policy?.limits);
  const work = new AttemptWork(deps, attempt, { settings, journal });
  const creates = isCreation(attempt);
  // No current password gives back what rejected log-ins take from a new account's budget: it is asked once. And where
  // a change is saved in a second step, its sender may put the old password back until its lease is over.
  if ((creates || work.saves) && !attempt.quiet) return stayUndecided(deps, work, onceQuiet(attempt));
  const candidate = await journal.step("probe", () => work.find());
  if (candidate.verdict === "accepted") return promoteFound(deps, work, { journal, candidate });
  // Its removal waits. What logs in was proven to be the account that was made; nothing else is worth another look.
  const removed = attempt.parties.kind === "ephemeral-credential-creation";
  if (removed && (await isLifetimeOver(deps.db, attempt.candidate)))
    return { kind: "failed", attempt: number, epoch, code: "change.unverified" };
  const current = candidate.verdict === "rejected" ? await checkCurrent(deps, work) : undefined;
  await recordAttempt(deps.db, work.claim(), journal.record());

  const fresh = attempt.quiet && candidate.verdict === "rejected";
  // An account that was being made had no password before that could be asked for.
  if (fresh && (current === "accepted" || creates) && !work.lingers)
    return { kind: "failed", attempt: number, epoch, code: "change.not-applied" };
  if (attempt.quiet && attempt.probes >= settings.probes)
    return { kind: "failed", attempt: number, epoch, code: "change.unverified" };
  // What makes an account is not done twice by itself.
  if (fresh && !creates && attempt.mayApplyAgain) return { kind: "apply-again", attempt: number, epoch };
  return stayUndecided(deps, work, nextLook(attempt, settings, candidate.freeAt));
}

/** Whether the password in doubt is the first of an account that the operation makes, and not one of a change before it. */
function isCreation({ parties, candidate, code }: DoubtfulAttempt): boolean {
  return makesAccount(parties.kind) && candidate.operationCode === code;
}

async function stayUndecided(deps: ActivityDeps, work: AttemptWork, nextAt: Date): Promise<ProbeResult> {
  await deps.wake(await stayInDoubt(deps.db, work.claim(), nextAt));
  return { kind: "undecided", attempt: work.attempt.number, nextAt: nextAt.getTime() };
}

/** Whether the current password still logs in; undefined when it is not known or could not be asked. */
async function checkCurrent(deps: ActivityDeps, work: AttemptWork): Promise<"accepted" | "rejected" | "unknown"> {
  const { current } = work.attempt;
  if (!current?.sealed) return "unknown";
  return work.checkCurrent(openVersion(deps.vault, current));
}

async function promoteFound(
  deps: ActivityDeps,
  work: AttemptWork,
  { journal, candidate }: { journal: Journal; candidate: BudgetedCheck },
): Promise<ProbeResult> {
  const promotion = await promote(deps.db, work.claim(), {
    record: journal.record(),
    ...(candidate.reserved ? { reserved: candidate.reserved } : {}),
  });
  await deps.wake(promotion.wake);
  const { number } = work.attempt;
  return promotion.promoted
    ? { kind: "succeeded", attempt: number, children: promotion.children }
    : { kind: "undecided", attempt: number, nextAt: Date.now() };
}

/** The moment at which all that was sent has taken effect. */
function onceQuiet({ quietAt }: DoubtfulAttempt): Date {
  // Clocks of worker and database may differ: never look again at once.
  return new Date(Math.max((quietAt?.getTime() ?? 0) + 100, Date.now() + SHORTEST_PAUSE_MS));
}

/** Growing pauses, cut short by the moment at which a look first proves something; never before the budget frees. */
function nextLook(attempt: DoubtfulAttempt, settings: Settings, freeAt: Date | undefined): Date {
  const pause = Math.min(settings.probeSeconds * 1000 * 2 ** Math.min(attempt.probes - 1, 10), LONGEST_PAUSE_MS);
  const grown = Date.now() + pause;
  const next = attempt.quiet ? grown : Math.min(grown, onceQuiet(attempt).getTime());
  return new Date(Math.max(next, Date.now() + SHORTEST_PAUSE_MS, freeAt?.getTime() ?? 0));
}
