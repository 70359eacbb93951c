/** The fields of the API's answers that the commands show. The API's /openapi.json is the whole truth. */
import type { OperationKind, OperationState, Step, WaitingFor } from "../contracts/states.ts";
import type { Role } from "../contracts/roles.ts";
import type { Verdict } from "../contracts/messages.ts";

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly port: number | null;
  readonly site: string;
  readonly pinnedIdentity: string | null;
  readonly active: boolean;
  readonly revision: number;
}

export interface Identified {
  readonly seenIdentity: string | null;
  readonly pinnedIdentity: string | null;
}

export interface Credential {
  readonly id: string;
  readonly device: string;
  readonly deviceId: string;
  readonly plugin: string;
  readonly username: string;
  readonly domain: string;
  readonly additionalInfo: string;
  readonly active: boolean;
  readonly automaticChange: boolean;
  readonly openCode: number | null;
  readonly attention: string | null;
  readonly changedAt: string | null;
}

export interface Revealed {
  readonly credentialId: string;
  readonly version: number;
  readonly password: string;
}

export interface Checked {
  readonly verdict: Verdict;
  readonly code: string;
}

export interface Operation {
  readonly code: number;
  readonly kind: OperationKind;
  readonly state: OperationState;
  readonly phase: string | null;
  readonly run: number;
  readonly credentialId: string;
  readonly target: { readonly username: string; readonly domain: string; readonly device: string };
  readonly requestedBy: string;
  readonly attempts: number;
  readonly scheduledFor: string;
  readonly dueAt: string;
  readonly waitingFor: WaitingFor | null;
  readonly outcome: string | null;
  readonly requestedAt: string;
  readonly endedAt: string | null;
}

export interface Attempt {
  readonly number: number;
  readonly run: number;
  readonly outcome: string | null;
  readonly detail: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly steps: readonly { readonly step: Step; readonly ms: number; readonly code?: string }[];
}

export interface OperationDetails extends Operation {
  readonly attemptList: readonly Attempt[];
}

export interface Refusal {
  readonly credentialId: string;
  readonly code: string;
  readonly detail: string;
  readonly openCode?: number;
}

export interface ChangeAnswer {
  readonly operations: readonly {
    readonly code: number;
    readonly credentialId: string;
    readonly state: OperationState;
  }[];
  readonly refused: readonly Refusal[];
}

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly roles: readonly Role[];
  readonly expiresAt: string | null;
  /** Only in the answer that makes it. */
  readonly value?: string;
}
