import { type ErrorCode, ERRORS, operatorSentence } from "./errors.ts";

/** How an attempt ended. */
export type Outcome = ErrorCode | "change.succeeded";

/** How attempts end that did what was asked: changed a password, ran a template, found a password right. */
export const SUCCESSES: readonly Outcome[] = [
  "change.succeeded",
  ...(Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].status === 200),
];

/** What an outcome means for an operator; empty for an attempt that is under way. */
export function outcomeSentence(outcome: Outcome | null): string {
  if (outcome === null) return "";
  return outcome === "change.succeeded" ? "Done, and proven on the device." : operatorSentence(outcome);
}
