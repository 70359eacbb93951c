/** What must be true of every operation and credential, whatever happened. Each returns sentences about what is not. */
import type { ApprovalRule } from "../../../contracts/policy.ts";
import { isOpen, mayMove } from "../../../contracts/states.ts";
import type { Touch } from "./device-log.ts";
import type { Facts, Operation, Stay } from "./facts.ts";

/** The audit tells where the operation is and how it came there, by legal moves only. */
export function unexplained({ operations }: Facts): string[] {
  return operations.flatMap((operation) => {
    const { code, folded, state, attempts, run, attemptRows } = operation;
    const last = folded.stays.at(-1)?.state;
    return [
      ...folded.illegal.map((move) => `${code}: illegal ${move}`),
      ...illegalMoves(operation),
      ...(last === state ? [] : [`${code} is ${state}, and by its audit ${last}`]),
      ...(folded.attempts === attempts && attemptRows.length === attempts
        ? []
        : [
            `${code} has ${attempts} attempts, ${attemptRows.length} rows of them, and ${folded.attempts} by its audit`,
          ]),
      ...(folded.run === run ? [] : [`${code} is in run ${run}, and by its audit in ${folded.run}`]),
      ...(isOpen(state) === (operation.openCredentialId !== null)
        ? []
        : [`${code} is ${state} and holds its credential wrongly`]),
      ...(isOpen(state) ? [] : idle(operation)),
    ];
  });
}

/** What a trigger saw of the row itself: legal moves, and the same as the audit tells. */
function illegalMoves({ code, moves, folded }: Operation): string[] {
  const illegal = moves.filter(({ fromState, state }) => fromState !== null && !mayMove(fromState, state));
  const seen = moves.map(({ state }) => state).join(" → ");
  // Being asked for again is no move of the row's state.
  const told = folded.stays.filter(({ state }, index) => state !== folded.stays[index - 1]?.state);
  const audited = told.map(({ state }) => state).join(" → ");
  return [
    ...illegal.map(({ fromState, state }) => `${code}: the row moved ${fromState} → ${state}`),
    ...(seen === audited ? [] : [`${code} went ${seen}, and by its audit ${audited}`]),
  ];
}

function idle({ code, wakeAt, endedAt, phase, attemptRows }: Operation): string[] {
  const unended = attemptRows.filter(
    (attempt) => attempt.endedAt === null || attempt.outcome === null || attempt.permit,
  );
  return [
    ...(wakeAt === null && endedAt !== null && phase === null ? [] : [`${code} ended and still waits for something`]),
    ...unended.map(({ number }) => `${code}: attempt ${number} never ended`),
  ];
}

/** One success, one promoted version; a credential has one current version, and a candidate only while it is changed. */
export function wrongVersions({ operations, credentials, versions }: Facts): string[] {
  const promoted = operations.flatMap(({ code, state }) => {
    const count = versions.filter(
      ({ operationCode, promotedAt }) => operationCode === code && promotedAt !== null,
    ).length;
    return count === (state === "succeeded" ? 1 : 0) ? [] : [`${code} is ${state} and promoted ${count} versions`];
  });
  const kept = credentials.flatMap(({ id, attention }) => {
    const own = versions.filter(({ credentialId }) => credentialId === id);
    const having = (status: string) => own.filter((version) => version.status === status).length;
    const isIdle = !operations.some(({ credentialId, state }) => credentialId === id && isOpen(state));
    return [
      ...(having("current") === 1 ? [] : [`${id} has ${having("current")} current versions`]),
      ...(isIdle && having("candidate") > 0 ? [`${id} is idle and has a candidate`] : []),
      ...(isIdle && having("doubtful") > 0 !== (attention !== null)
        ? [`${id}: ${having("doubtful")} doubtful, attention ${attention}`]
        : []),
    ];
  });
  return [...promoted, ...kept];
}

/** Nothing ran that was not approved in its round, by enough different people, none of them the one who asked. */
export function unapproved({ operations }: Facts): string[] {
  return operations.flatMap((operation) => {
    const { code, approval, requestedBy, approvals, folded } = operation;
    if (!approval) return [];
    const own = approvals.some(({ person }) => person === requestedBy) ? [`${code}: the requester decided`] : [];
    const ran = folded.stays.filter(({ state }) => state === "running");
    return [
      ...own,
      ...ran.flatMap((stay) => missing(operation, approval, stay).map((what) => `${code} ran without ${what}`)),
    ];
  });
}

function missing({ approvals, requestedBy }: Operation, rule: ApprovalRule, { from, round }: Stay): string[] {
  return rule.levels.flatMap((level, number) => {
    const persons = new Set(
      approvals
        .filter(
          (one) => one.round === round && one.level === number && one.decision === "approved" && one.committed <= from,
        )
        .filter(
          ({ person }) => person !== requestedBy && (level.approvers.length === 0 || level.approvers.includes(person)),
        )
        .map(({ person }) => person),
    );
    return persons.size >= level.approvals ? [] : [`${level.approvals} approvals of level ${number} in round ${round}`];
  });
}

/** What the device was told, and by which operation. */
export interface Sent extends Touch {
  /** The operation whose version it was; undefined when no kept version fits. */
  readonly code: number | undefined;
}

/** A password is sent only while its operation runs; so never after a cancel, and never one that was thrown away. */
export function strayChanges({ operations }: Facts, sent: readonly Sent[]): string[] {
  const byCode = new Map(operations.map((operation) => [operation.code, operation]));
  return sent.flatMap(({ role, at, code }) => {
    if (code === undefined) return [`${role} got a password at ${at} that nobody has kept`];
    const stays = byCode.get(code)?.folded.stays ?? [];
    // By commit stamps; the device is told after the commit that lets it be.
    return stays.some(({ state, from, until }) => state === "running" && from <= at && at <= until)
      ? []
      : [
          `${role} got the password of ${code} at ${at}, when it did not run: ${stays.map((stay) => `${stay.state} from ${stay.from}`).join(", ")}`,
        ];
  });
}

/** Ends of attempts that another worker wrote: the first may have been stopped, and log in once more when it goes on. */
const TAKEN_OVER: ReadonlySet<string> = new Set(["change.interrupted", "change.not-applied", "change.unverified"]);

/** After a cancel the device hears nothing of the account until its next operation runs. */
export function touchedAfterCancel(
  { operations }: Facts,
  subject: { credentialId: string; username: string },
  touches: readonly Touch[],
): string[] {
  const own = operations.filter(({ credentialId }) => credentialId === subject.credentialId);
  return own.flatMap(({ code, folded }) => {
    const canceled = folded.stays.find(({ state }) => state === "canceled");
    if (!canceled) return [];
    const next = own
      .flatMap((operation) => operation.folded.stays)
      .filter(({ state, from }) => state === "running" && from > canceled.from)
      .map(({ from }) => from);
    const stalled = own
      .flatMap(({ attemptRows }) => attemptRows)
      .some(({ startedAt, outcome, steps }) => {
        const doubted = TAKEN_OVER.has(outcome ?? "") || steps.some(({ step }) => step === "probe");
        return startedAt.getTime() < canceled.from && doubted;
      });
    return touches
      .filter(({ role, at }) => role === subject.username && at > canceled.from && at < Math.min(...next))
      .filter(({ kind }) => !stalled || kind === "change")
      .map(({ kind, at }) => `${subject.username}: ${kind} at ${at}, after ${code} was canceled at ${canceled.from}`);
  });
}
