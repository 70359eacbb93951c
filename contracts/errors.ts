/**
 * The one table of everything that can go wrong. A code is `area.reason`; it is the Temporal failure type, the
 * problem `code` of the API and the outcome of an attempt. `docs/errors.md` is tied to this table by a test.
 */
import type { ErrorEntry } from "./error-entry.ts";
import { CHANGES, DEVICES } from "./errors-of-changes.ts";
import { CREDENTIALS, OPERATIONS, REQUESTS } from "./errors-of-requests.ts";

export const ERRORS = { ...REQUESTS, ...CREDENTIALS, ...OPERATIONS, ...DEVICES, ...CHANGES } as const satisfies Record<
  string,
  ErrorEntry
>;

export type ErrorCode = keyof typeof ERRORS;

/** Whether a text is a code of the catalogue. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** The sentence an operator reads: what happened, and what to do. */
export function operatorSentence(code: ErrorCode): string {
  const { title, advice } = ERRORS[code];
  return `${title} ${advice}`;
}

/** What is known of the device after a failure: certainly unchanged, or possibly changed. */
export type Effect = "none" | "unknown";
