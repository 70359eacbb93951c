/** The kinds of operation that several plugins have. */
import { ACCOUNT_KINDS, EPHEMERAL_KINDS, type OperationKind } from "../contracts/states.ts";

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
  ...ACCOUNT_KINDS,
  ...EPHEMERAL_KINDS,
] as const satisfies readonly OperationKind[];
