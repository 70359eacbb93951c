/** Every path of which a history is kept, and what that history must tell: see {@link storyOf}. */
import { FAR_SITE } from "./histories.ts";

const WORK = "stage, log in, send, prove, promote";
const FIRST = `attempt 1: ${WORK}`;
const LOOK = "find out which password the device has";
const EXPIRE = "expire, unless somebody decided just in time";
const NEXT_LOOK = ["waits for the next look at a password in doubt", "time is over", LOOK];
const OPEN = ["open operations of the next children", "openChildren: done", "starts operation"];
const PAUSE = ["waits for children that are being changed", "time is over"];
const NEXT_ATTEMPT = ["waits for the next attempt", "time is over"];
const ITS_TIME = ["waits for its time", "time is over"];
const SUCCESS = ["change: succeeded", "ends: succeeded"];
const LOST = [FIRST, "change: lost", LOOK];
const HEAD = [FIRST, "told: runNow", "run now: the same at the head of the queue"];
const APPROVAL = ["waits for approval", "told: approvalDecided"];
const UNDECIDED = ["waits for approval", "time is over", EXPIRE];
const CANCELED = [FIRST, "change: not-yours", "ends: canceled"];

function failed(attempt: number, code: string, then: "again" | "ended"): string[] {
  return [`note that attempt ${attempt} failed: ${code}`, `settle: ${then}`];
}

function unreachable(attempt: number, then: "again" | "ended"): string[] {
  return [`attempt ${attempt}: ${WORK}`, "change: failed", ...failed(attempt, "target.unreachable", then)];
}

function parked(wait: string, word: string): string[] {
  return [FIRST, "change: parked", `waits for ${wait}`, `told: ${word}`, FIRST, ...SUCCESS];
}

export const STORIES = {
  succeeded: [FIRST, ...SUCCESS],
  verified: ["attempt 1: log in with the stored password", ...SUCCESS],
  reconciled: ["attempt 1: stage, log in with another account, send, prove, promote", ...SUCCESS],
  "succeeded-with-children": [FIRST, "change: succeeded", "starts chain", "ends: succeeded"],
  "child-succeeded": [FIRST, ...SUCCESS],
  "waits-for-its-time": [...ITS_TIME, FIRST, ...SUCCESS],
  "run-now-while-waiting": ["waits for its time", "told: runNow", FIRST, ...SUCCESS],
  "run-now-in-queue": [...HEAD, ...SUCCESS],
  "run-now-finds-running": [...HEAD, "change: running", ...SUCCESS],
  "parked-for-device": parked("the device", "wake"),
  "parked-for-window": parked("its policy's window", "runNow"),
  "parked-for-pause": parked("the end of a pause", "wake"),
  "canceled-while-waiting": ["waits for its time", "told: cancelRequested", ...CANCELED],
  "begins-anew-while-waiting": ["waits for its time", "told: wake", FIRST, "change: parked", "begins anew"],

  approved: [...APPROVAL, FIRST, ...SUCCESS],
  "approved-on-two-levels": [...APPROVAL, FIRST, ...SUCCESS],
  "approved-unheard": [...UNDECIDED, "expire: approved", FIRST, ...SUCCESS],
  rejected: [...APPROVAL, ...CANCELED],
  "canceled-while-awaiting-approval": ["waits for approval", "told: cancelRequested", ...CANCELED],
  "approval-expired": [...UNDECIDED, "expire: ended", "ends: expired"],
  "approval-needed-again": [
    ...APPROVAL,
    FIRST,
    "change: parked",
    ...ITS_TIME,
    FIRST,
    "change: awaiting-approval",
    ...APPROVAL,
    FIRST,
    ...SUCCESS,
  ],
  "approval-needed-again-unheard": [...UNDECIDED, "expire: awaiting-approval", ...APPROVAL, FIRST, ...SUCCESS],

  "interrupted-then-succeeded": [
    FIRST,
    "change: failed",
    ...failed(1, "target.connection-lost", "again"),
    ...NEXT_ATTEMPT,
    `attempt 2: ${WORK}`,
    ...SUCCESS,
  ],
  "attempts-used-up": [...unreachable(1, "again"), ...unreachable(2, "ended"), "ends: error"],
  restarted: [WORK, ...SUCCESS],
  "restarted-in-doubt": [WORK, "change: in-doubt", LOOK, "probe: succeeded", "ends: succeeded"],
  "killed-before-sending": [
    ...LOST,
    "probe: failed",
    ...failed(1, "change.interrupted", "again"),
    `attempt 2: ${WORK}`,
    ...SUCCESS,
  ],
  "killed-after-sending": [...LOST, "probe: succeeded", "ends: succeeded"],
  "killed-after-promotion": [...LOST, "probe: not-yours", "starts chain", "ends: succeeded"],
  "chain-was-there-already": [...LOST, "probe: not-yours", "starts chain", "it was there already", "ends: succeeded"],
  "lost-before-stage": [...ITS_TIME, ...LOST, "probe: waiting", ...NEXT_ATTEMPT, FIRST, ...SUCCESS],
  "doubt-without-loss": [
    FIRST,
    "change: in-doubt",
    LOOK,
    "probe: undecided",
    ...NEXT_LOOK,
    "probe: succeeded",
    "ends: succeeded",
  ],
  "doubt-resolved-later": [...LOST, "probe: undecided", ...NEXT_LOOK, "probe: succeeded", "ends: succeeded"],
  "doubt-unresolved": [
    ...LOST,
    "probe: undecided",
    ...NEXT_LOOK,
    "probe: failed",
    ...failed(1, "change.unverified", "ended"),
    "ends: error",
  ],
  "applied-again": [...LOST, "probe: apply-again", "apply the same password again", ...SUCCESS],
  "applied-again-when-permitted": [
    ...LOST,
    "probe: apply-again",
    "apply the same password again",
    "change: parked",
    "waits for the device",
    "told: wake",
    "apply the same password again",
    ...SUCCESS,
  ],
  "taken-over-before-settled": [
    FIRST,
    "change: failed",
    ...failed(1, "change.lost-lease", "ended"),
    LOOK,
    "probe: failed",
    ...failed(1, "change.interrupted", "again"),
    `attempt 2: ${WORK}`,
    ...SUCCESS,
  ],
  "adopted-while-running": [WORK, "change: running", LOOK, "probe: succeeded", "ends: succeeded"],

  chain: [...OPEN, ...PAUSE, ...OPEN, "every child was seen to", "closeChain: done", "ends: done"],
  "chain-finds-child-started": [
    ...OPEN,
    "it was there already",
    "every child was seen to",
    "closeChain: done",
    "ends: done",
  ],
  "chain-begins-anew": [...OPEN, ...PAUSE, "begins anew"],
  "repair-sweep": ["mend what did not move when it should have", "repair: started 1", "ends: started 1"],
  "policy-sweep": ["open the changes that policies want", "sweepPolicies: opened 1", "ends: opened 1"],
  "drift-sweep": [
    "find out which passwords are to be checked",
    "planDrift: done",
    "check stored passwords of default",
    "checkDrift: accepted 1, rejected 1",
    "ends: accepted 1, rejected 1",
  ],
  "drift-sweep-without-worker": [
    "find out which passwords are to be checked",
    "planDrift: done",
    `check stored passwords of ${FAR_SITE}`,
    "checkDrift: lost",
    "ends: nothing",
  ],
  "check-credential": ["log in with the stored password", "checkCredential: accepted", "ends: accepted"],
  "identify-device": ["read the host key or certificate", "identifyDevice: done", "ends: done"],
  "rehearse-template": ["rehearse a template up to its first password", "rehearse: done", "ends: done"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type PathName = keyof typeof STORIES;
