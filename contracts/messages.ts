/** What workflows, activities and their callers say to each other: ids, times, limits and catalogue codes, nothing else. */
import type { ErrorCode } from "./errors.ts";
import type { OperationKind, OperationState, Priority, Step, WaitingFor } from "./states.ts";

/** "Something about your row changed, read again." A lost one is mended by the sweep, a forged one does nothing. */
export const SIGNALS = {
  approvalDecided: "approvalDecided",
  runNow: "runNow",
  cancelRequested: "cancelRequested",
  wake: "wake",
} as const;

export const QUERIES = { progress: "progress" } as const;

/** Names of the workflow types, as registered. */
export const WORKFLOWS = {
  operation: "operation",
  chain: "chain",
  repairSweep: "repairSweep",
  policySweep: "policySweep",
  driftSweep: "driftSweep",
  checkCredential: "checkCredential",
  identifyDevice: "identifyDevice",
  rehearseTemplate: "rehearseTemplate",
} as const;

/** How long things may take, fixed when a run starts. Milliseconds. */
export interface Timing {
  /** A change that says nothing for so long is taken for dead. */
  readonly heartbeatMs: number;
  /** The whole of one change, from stage to promote. */
  readonly changeMs: number;
}

export interface OperationInput {
  readonly code: number;
  readonly run: number;
  readonly kind: OperationKind;
  /** Site of the device: decides the task queue. */
  readonly site: string;
  /** Due time, milliseconds since 1970. */
  readonly dueAt: number;
  /** Place in the queue: 1 run-now, 2 people and parents, 3 automatic. */
  readonly priority: Priority;
  readonly timing: Timing;
  /** Until when it may be approved, milliseconds since 1970; absent when it needs no approval any more. */
  readonly approvalExpiresAt?: number;
}

export interface OperationRef {
  readonly code: number;
  readonly run: number;
}

/** Answer of the `progress` query. */
export interface Progress {
  readonly step: "awaiting-approval" | "waiting" | "changing" | "probing" | "settling" | "done";
  readonly attempt: number;
  /** Milliseconds since 1970, when the next attempt or look is due. */
  readonly nextAt?: number;
  readonly waitingFor?: WaitingFor;
}

/** Details of each heartbeat of `change` and `probe`. */
export interface HeartbeatDetails {
  readonly step: Step;
  readonly attempt: number;
}

/** Tells a change to go on with an attempt that a probe has taken over. */
export interface ChangeInput extends OperationRef {
  /** Set after a probe: apply the same candidate again under this epoch. */
  readonly againEpoch?: number;
}

export type ChangeResult =
  /** Promoted; and whether children follow. */
  | { readonly kind: "succeeded"; readonly attempt: number; readonly children: boolean }
  /** The attempt failed and the device is certainly unchanged, or said no. */
  | { readonly kind: "failed"; readonly attempt: number; readonly epoch: number; readonly code: ErrorCode }
  /** The candidate may be live: only a probe can tell. */
  | { readonly kind: "in-doubt"; readonly attempt: number; readonly code: ErrorCode }
  /** No slot yet; the row says what it waits for. Look again at `recheckAt` or when signalled. */
  | { readonly kind: "parked"; readonly waitingFor: WaitingFor; readonly recheckAt: number }
  /** It must be approved, again or still, until then. */
  | { readonly kind: "awaiting-approval"; readonly expiresAt: number }
  /** Another `change` of this run took it, or one that died. */
  | { readonly kind: "running" }
  /** Somebody else has the run, or it ended. */
  | { readonly kind: "not-yours"; readonly state: OperationState };

export type ProbeResult =
  /** The candidate logs in: promoted; and whether children follow. */
  | { readonly kind: "succeeded"; readonly attempt: number; readonly children: boolean }
  /** Never sent, or proven dead: the attempt can be ended. */
  | { readonly kind: "failed"; readonly attempt: number; readonly epoch: number; readonly code: ErrorCode }
  /** Proven dead on the device and another account logs in: apply the same candidate again. */
  | { readonly kind: "apply-again"; readonly attempt: number; readonly epoch: number }
  /** Not decided; look again then. */
  | { readonly kind: "undecided"; readonly attempt: number; readonly nextAt: number }
  /** The run is not running: it waits for another attempt. */
  | { readonly kind: "waiting"; readonly dueAt: number }
  | { readonly kind: "not-yours"; readonly state: OperationState };

export interface SettleInput extends OperationRef {
  readonly epoch: number;
  /** Why the attempt failed. */
  readonly reason: ErrorCode;
}

export type SettleResult =
  /** Another attempt is due then. */
  { readonly kind: "again"; readonly dueAt: number } | { readonly kind: "ended"; readonly state: OperationState };

/** What became of an operation whose approval period is over. */
export type ExpireResult =
  /** Expired now, or ended before. */
  | { readonly kind: "ended"; readonly state: OperationState }
  /** It was asked for again meanwhile, and waits until then. */
  | { readonly kind: "awaiting-approval"; readonly expiresAt: number }
  /** It was approved just in time. */
  | { readonly kind: "approved"; readonly dueAt: number };

export interface ChainPlace {
  /** Code of the operation whose credential's children follow. */
  readonly code: number;
  /** The page begins behind this credential's id. */
  readonly after?: string;
}

export interface ChainInput extends ChainPlace {
  /** Whether a page before this one had children that were being changed. */
  readonly busy?: boolean;
  /** Times it has waited for such children. */
  readonly waits?: number;
}

export interface ChainPage {
  /** Runs to start; some may have been started before. */
  readonly operations: readonly OperationInput[];
  /** Where the next page begins; absent on the last one. */
  readonly next?: string;
  /** Whether a child is being changed now and gets its turn afterwards. */
  readonly busy: boolean;
}

/** What a log-in with a password said. */
export type Verdict = "accepted" | "rejected" | "unknown";

export interface CheckResult {
  readonly verdict: Verdict;
  readonly code: ErrorCode;
}

/** A look at how far a credential's template gets without a password. */
export interface RehearsalInput {
  /** What it saw is kept under this id. */
  readonly rehearsalId: string;
  readonly credentialId: string;
  /** Site of the device. */
  readonly site: string;
}

export interface RehearsalResult {
  readonly code: ErrorCode | "rehearsed";
}

/** Where a pass of drift checks goes, and how long it may take on a site. */
export interface DriftPlan {
  readonly sites: readonly DriftSite[];
  readonly limitMs: number;
}

export interface DriftSite {
  readonly site: string;
  /** Checks that a pass makes there at most. */
  readonly limit: number;
}

/** What the drift checks of one pass said. */
export type DriftCounts = Readonly<Record<Verdict, number>>;

/** What one pass over the policies did. */
export interface PolicySweepResult {
  /** Changes opened. */
  readonly opened: number;
  /** Credentials that are due and accept no change. */
  readonly refused: number;
}

/** What the repair sweep mended in one pass. */
export interface RepairResult {
  readonly started: number;
  readonly signalled: number;
  readonly revived: number;
  readonly expired: number;
  /** Chains that were to follow a success and had not. */
  readonly chained: number;
}
