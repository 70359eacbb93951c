/**
 * The life of an operation: its states, the only transitions between them, and what may be asked of it.
 *
 * Terms. An *operation* is one requested piece of work with a numeric code. A *run* is 1 at first and rises by one
 * at each restart. An *attempt* is one execution, numbered through all runs.
 */
export const OPERATION_STATES = [
  "scheduled",
  "awaiting-approval",
  "running",
  "succeeded",
  "error",
  "canceled",
  "expired",
] as const;
export type OperationState = (typeof OPERATION_STATES)[number];

/** The words a person reads for each state. */
export const STATE_TITLES: Readonly<Record<OperationState, string>> = {
  scheduled: "Scheduled",
  "awaiting-approval": "Awaiting approval",
  running: "Running",
  succeeded: "Successfully performed",
  error: "Error",
  canceled: "Canceled",
  expired: "Expired",
};

const TRANSITIONS: Readonly<Record<OperationState, readonly OperationState[]>> = {
  "awaiting-approval": ["scheduled", "canceled", "expired"],
  scheduled: ["awaiting-approval", "running", "canceled", "error"],
  running: ["scheduled", "succeeded", "error"],
  error: ["scheduled"],
  succeeded: [],
  canceled: [],
  expired: [],
};

/** States in which an operation is still to move by itself; exactly these hold the credential's one open place. */
export const OPEN_STATES = ["scheduled", "awaiting-approval", "running"] as const satisfies readonly OperationState[];

/** Whether an operation may go from one state to another. */
export function mayMove(from: OperationState, to: OperationState): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Whether an operation in this state is still to move by itself. */
export function isOpen(state: OperationState): boolean {
  return OPEN_STATES.some((open) => open === state);
}

export const OPERATION_ACTIONS = ["approve", "reject", "run-now", "cancel", "restart"] as const;
export type OperationAction = (typeof OPERATION_ACTIONS)[number];

const ACTION_STATES: Readonly<Record<OperationAction, readonly OperationState[]>> = {
  approve: ["awaiting-approval"],
  reject: ["awaiting-approval"],
  "run-now": ["scheduled"],
  cancel: ["scheduled", "awaiting-approval"],
  restart: ["error"],
};

/** Whether an action is accepted by an operation in this state. */
export function mayAct(action: OperationAction, state: OperationState): boolean {
  return ACTION_STATES[action].includes(state);
}

/** What a scheduled operation waits for, or a running one before its password is sent once more. */
export const WAITING_FOR = [
  "time",
  "window",
  "queue",
  "device",
  "login-budget",
  "authenticator",
  "worker",
  "pause",
] as const;
export type WaitingFor = (typeof WAITING_FOR)[number];

/** How far a running operation has come. */
export const PHASES = ["staged", "verifying"] as const;
export type Phase = (typeof PHASES)[number];

/** The steps of an attempt, in order; heartbeats and the attempt's record name them. */
export const STEPS = ["stage", "precheck", "apply", "verify", "promote", "probe"] as const;
export type Step = (typeof STEPS)[number];

/** Kinds that make, change and remove accounts and groups. */
export const ACCOUNT_KINDS = [
  "credential-activation",
  "credential-inactivation",
  "user-creation",
  "user-deletion",
  "user-creation-in-group",
  "user-deletion-in-group",
  "group-creation",
  "group-deletion",
] as const;

/** Kinds of an account with a lifetime: each comes with the other. */
export const EPHEMERAL_KINDS = ["ephemeral-credential-creation", "ephemeral-credential-removal"] as const;

/** The kinds of operation of the original product, and two of our own (the last two). */
export const OPERATION_KINDS = [
  "change-password",
  "child-password-change",
  ...ACCOUNT_KINDS,
  ...EPHEMERAL_KINDS,
  "certificate-publication",
  "secret-management-automation",
  "task-manager",
  "aws-opsworks",
  "verify-password",
  "reconcile-password",
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

/** Kinds whose operations always have a new password of their own, which is proven by a log-in. */
export const PASSWORD_KINDS = [
  "change-password",
  "child-password-change",
  "reconcile-password",
  "ephemeral-credential-creation",
] as const satisfies readonly OperationKind[];

/** Whether the kind is one of these. */
export function isPasswordKind(kind: OperationKind): boolean {
  return PASSWORD_KINDS.some((one) => one === kind);
}

/** What of an operation says whether it sets a password. */
export interface Purpose {
  readonly kind: OperationKind;
  /** Of a user's creation: its template sends a new password, which becomes the credential's. */
  readonly givesPassword: boolean;
}

/** Whether an operation has a new password of its own, which is proven by a log-in. */
export function setsPassword({ kind, givesPassword }: Purpose): boolean {
  return givesPassword || isPasswordKind(kind);
}

/** Whether an operation is a job: it runs a template on a device and sets no password. */
export function isJob(purpose: Purpose): boolean {
  return purpose.kind !== "verify-password" && !setsPassword(purpose);
}

/** Whether an operation of the kind makes the account, which has no password before. */
export function makesAccount(kind: OperationKind): boolean {
  return kind === "user-creation" || kind === "ephemeral-credential-creation";
}

/** What made an operation: a person's request, a policy's clock, or another operation. */
export const TRIGGERS = ["request", "age", "view", "session", "parent", "reconcile", "ephemeral"] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** Whether a policy's clock made it: such changes keep to windows and pauses. */
export function isAutomatic(trigger: Trigger): boolean {
  return trigger === "age" || trigger === "view" || trigger === "session";
}

/** Queue order: 1 run-now, 2 people and parents, 3 automatic. */
export type Priority = 1 | 2 | 3;

/** The life of a stored password. At most one candidate or doubtful, and one current, per credential. */
export const SECRET_STATUSES = ["candidate", "current", "previous", "retired", "doubtful", "discarded"] as const;
export type SecretStatus = (typeof SECRET_STATUSES)[number];
