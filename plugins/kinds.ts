/** The kinds of operation that several plugins have. */
import type { OperationKind } from "../contracts/states.ts";

/** Of a plugin that changes and checks passwords. */
export const PASSWORD_OPERATIONS = [
  "change-password",
  "child-password-change",
  "verify-password",
  "reconcile-password",
] as const satisfies readonly OperationKind[];

/** Of one whose templates make, change and remove accounts and groups as well. */
export const ACCOUNT_OPERATIONS = [
  ...PASSWORD_OPERATIONS,
  "credential-activation",
  "credential-inactivation",
  "user-creation",
  "user-deletion",
  "user-creation-in-group",
  "user-deletion-in-group",
  "group-creation",
  "group-deletion",
  "ephemeral-credential-creation",
  "ephemeral-credential-removal",
] as const satisfies readonly OperationKind[];
