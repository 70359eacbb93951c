import type { OperationKind } from "../../contracts/states.ts";

/** What a template can do on a terminal. */
export const TERMINAL_OPERATIONS: readonly OperationKind[] = [
  "change-password",
  "child-password-change",
  "verify-password",
  "reconcile-password",
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
  "certificate-publication",
  "task-manager",
];
