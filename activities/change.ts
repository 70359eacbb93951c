import type { ErrorCode } from "../contracts/errors.ts";
import type { ChangeInput, ChangeResult, HeartbeatDetails } from "../contracts/messages.ts";
import { withLimits } from "../contracts/policy.ts";
import type { Secret } from "../contracts/secret.ts";
import { takeAgain } from "../db/queries/apply-again.ts";
import { recordAttempt } from "../db/queries/attempt.ts";
import { promote } from "../db/queries/promote.ts";
import { stage } from "../db/queries/stage.ts";
import type { StagedAttempt, StageResult } from "../db/queries/stage-result.ts";
import { PluginFailure } from "../plugins/plugin.ts";
import { AttemptWork } from "./attempt-work.ts";
import type { ActivityDeps } from "./deps.ts";
import { Journal } from "./journal.ts";
import type { BudgetedCheck } from "./logins.ts";
import { candidate } from "./candidate.ts";
import { runJob } from "./run-job.ts";
import type { Lent } from "./sessions.ts";
import { verifyOperation } from "./verify-operation.ts";

/** What Temporal gives to a running activity. */
export interface Running {
  heartbeat(details: HeartbeatDetails): void;
  /** Milliseconds between two heartbeats that keep it alive. */
  readonly heartbeatMs: number;
  /** Milliseconds the whole activity may take. */
  readonly limitMs: number;
}

/**
 * The straight path of one attempt: stage, precheck, apply, verify, promote. Temporal never retries it; whatever
 * goes wrong leads to a probe or a settlement.
 */
export async function change(deps: ActivityDeps, input: ChangeInput, running: Running): Promise<ChangeResult> {
  const journal = new Journal((details) => running.heartbeat(details), running.heartbeatMs);
  try {
    if (input.againEpoch !== undefined)
      return await again(deps, { code: input.code, epoch: input.againEpoch }, { journal, changeMs: running.limitMs });
    const { result, next } = await journal.step("stage", () => take(deps, input, running.limitMs));
    if ("wake" in result) await deps.wake(result.wake);
    switch (result.kind) {
      case "staged":
        await deps.atMoment?.("staged", input.code);
        return await carryOut(deps, result.attempt, { journal, ...(next ? { next } : {}) });
      case "check":
        return await verifyOperation(deps, result.check, journal);
      case "job":
        await deps.atMoment?.("staged", input.code);
        return await runJob(deps, result.job, journal);
      case "parked":
        return { kind: "parked", waitingFor: result.waitingFor, recheckAt: result.recheckAt.getTime() };
      case "needs-probe":
        return { kind: "in-doubt", attempt: 0, code: "change.unverified" };
      case "running":
        return { kind: "running" };
      case "awaiting-approval":
        return { kind: "awaiting-approval", expiresAt: result.expiresAt.getTime() };
      case "not-yours":
        return { kind: "not-yours", state: result.state };
    }
  } finally {
    journal.end();
  }
}

async function take(
  deps: ActivityDeps,
  input: ChangeInput,
  changeMs: number,
): Promise<{ result: StageResult; next?: Secret }> {
  let next: Secret | undefined;
  const result = await stage(deps.db, {
    code: input.code,
    run: input.run,
    worker: deps.worker,
    settings: await deps.settings(),
    changeMs,
    prepare(facts) {
      const made = candidate(deps, facts);
      if ("refusal" in made) return made;
      next = made.password;
      const credentialId = facts.parties.credential.id;
      return { seal: (binding) => deps.vault.seal(made.password, { credentialId, ...binding }) };
    },
  });
  return { result, ...(next ? { next } : {}) };
}

/** Applies the candidate of an attempt that a probe took over once more; any failure goes back to the probe. */
async function again(
  deps: ActivityDeps,
  held: { code: number; epoch: number },
  { journal, changeMs }: { journal: Journal; changeMs: number },
): Promise<ChangeResult> {
  const taken = await takeAgain(deps.db, { ...held, settings: await deps.settings(), changeMs });
  if (taken.kind === "lost") return { kind: "in-doubt", attempt: 0, code: "change.lost-lease" };
  if (taken.kind === "parked") {
    await deps.wake(taken.wake);
    return { kind: "parked", waitingFor: taken.waitingFor, recheckAt: taken.recheckAt.getTime() };
  }
  const result = await carryOut(deps, taken.attempt, { journal });
  return result.kind === "failed" && result.code !== "change.refused"
    ? { kind: "in-doubt", attempt: result.attempt, code: result.code }
    : result;
}

async function carryOut(
  deps: ActivityDeps,
  attempt: StagedAttempt,
  tools: { journal: Journal; next?: Secret },
): Promise<ChangeResult> {
  const { journal } = tools;
  journal.begin(attempt.number);
  const settings = withLimits(await deps.settings(), attempt.parties.policy?.limits);
  const work = new AttemptWork(deps, attempt, { settings, ...tools });
  try {
    await send(work, journal);
  } catch (error) {
    return fail(deps, work, { journal, error });
  }
  await deps.atMoment?.("applied", attempt.code);
  const verdict = await journal.step("verify", () => work.verify(false));
  await deps.atMoment?.("verified", attempt.code);
  if (verdict.verdict !== "accepted") {
    await recordAttempt(deps.db, work.claim(), journal.record());
    return { kind: "in-doubt", attempt: attempt.number, code: verdict.code };
  }
  return promoted(deps, work, { journal, verdict });
}

async function send(work: AttemptWork, journal: Journal): Promise<void> {
  let lent: Lent = await journal.step("precheck", () => work.precheck());
  try {
    await journal.step("apply", () => work.apply(lent, (fresh) => (lent = fresh)));
  } finally {
    await work.release(lent);
  }
}

async function promoted(
  deps: ActivityDeps,
  work: AttemptWork,
  { journal, verdict }: { journal: Journal; verdict: BudgetedCheck },
): Promise<ChangeResult> {
  const { code, number } = work.attempt;
  const { atMoment } = deps;
  const promotion = await promote(deps.db, work.claim(), {
    record: journal.record(),
    ...(verdict.reserved ? { reserved: verdict.reserved } : {}),
    ...(atMoment ? { beforeCommit: () => atMoment("before-commit", code) } : {}),
  });
  await atMoment?.("promoted", code);
  await deps.wake(promotion.wake);
  return promotion.promoted
    ? { kind: "succeeded", attempt: number, children: promotion.children }
    : { kind: "in-doubt", attempt: number, code: "change.lost-lease" };
}

/** Says what a failure leaves behind: certainly nothing, or doubt that only a probe can resolve. */
async function fail(
  deps: ActivityDeps,
  work: AttemptWork,
  { journal, error }: { journal: Journal; error: unknown },
): Promise<ChangeResult> {
  const failure = error instanceof PluginFailure ? error : undefined;
  const code: ErrorCode = failure?.code ?? "service.fault";
  if (!failure) deps.log.error({ err: error, code: work.attempt.code }, "a change failed outside its plugin");
  if (failure?.message) journal.detail(failure.message);
  const { number, epoch } = work.attempt;
  await recordAttempt(deps.db, work.claim(), journal.record());
  const certain = !work.mayBeSent || failure?.refused === true;
  return certain ? { kind: "failed", attempt: number, epoch, code } : { kind: "in-doubt", attempt: number, code };
}
