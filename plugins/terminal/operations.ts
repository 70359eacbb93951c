import type { OperationKind } from "../../contracts/states.ts";
import { ACCOUNT_OPERATIONS } from "../kinds.ts";

/** What a template can do on a terminal. */
export const TERMINAL_OPERATIONS: readonly OperationKind[] = [
  ...ACCOUNT_OPERATIONS,
  "certificate-publication",
  "task-manager",
];
