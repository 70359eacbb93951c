/** What stage is asked, and what it answers. */
import type { ErrorCode } from "../../contracts/errors.ts";
import type { OperationRef } from "../../contracts/messages.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import type { OperationState, WaitingFor } from "../../contracts/states.ts";
import type { AttemptClaim } from "./attempt.ts";
import type { SameValueDescendant } from "./descendants.ts";
import type { Removal } from "./removal.ts";
import type { Parties, VersionRow } from "./stage-facts.ts";
import type { StagedCheck } from "./verify-operation.ts";

/** An attempt that is under way, with everything its work needs. Passwords are still sealed. */
export interface StagedAttempt extends AttemptClaim {
  readonly parties: Parties;
  readonly candidate: VersionRow;
  readonly current: VersionRow | undefined;
  readonly authenticatorVersion: VersionRow | undefined;
}

/** A job that is under way. Passwords are still sealed. */
export interface StagedJob extends AttemptClaim {
  readonly parties: Parties;
  readonly authenticatorVersion: VersionRow;
  /** Of the removal of an ephemeral credential: how it is proven. */
  readonly removal?: Removal;
}

export type StageResult =
  | { readonly kind: "staged"; readonly attempt: StagedAttempt }
  | {
      readonly kind: "parked";
      readonly waitingFor: WaitingFor;
      readonly recheckAt: Date;
      readonly wake: OperationRef[];
    }
  /** An open candidate must be resolved first; the row runs for that now. */
  | { readonly kind: "needs-probe" }
  /** A look that changes nothing. */
  | { readonly kind: "check"; readonly check: StagedCheck }
  /** A template that sets no password. */
  | { readonly kind: "job"; readonly job: StagedJob; readonly wake: OperationRef[] }
  | { readonly kind: "running" }
  | { readonly kind: "awaiting-approval"; readonly expiresAt: Date; readonly wake: OperationRef[] }
  | { readonly kind: "not-yours"; readonly state: OperationState; readonly wake: OperationRef[] };

/** What a new password is made from. */
export interface CandidateFacts {
  readonly parties: Parties;
  /** Current version of the account that logs in. */
  readonly login: VersionRow | undefined;
  /** Current version of the parent whose value the credential takes; null when there is none any more. */
  readonly parent?: VersionRow | null;
  /** Credentials that will take the new value after it. */
  readonly descendants: readonly SameValueDescendant[];
}

/** A new password that can be stored, or why there is none. */
export type Candidate =
  | { readonly refusal: ErrorCode }
  | { readonly seal: (binding: { versionId: string; version: number }) => Buffer };

export interface StageRequest {
  readonly code: number;
  readonly run: number;
  readonly worker: string;
  readonly settings: Settings;
  /** How long the attempt may take before the repair sweep looks after it. Milliseconds. */
  readonly changeMs: number;
  /** Makes a new password, unless the operation can no longer be carried out. */
  prepare(facts: CandidateFacts): Candidate;
}
