import { type ErrorCode, operatorSentence } from "./errors.ts";

/** How an attempt ended. */
export type Outcome = ErrorCode | "change.succeeded";

/** What an outcome means for an operator; empty for an attempt that is under way. */
export function outcomeSentence(outcome: Outcome | null): string {
  if (outcome === null) return "";
  return outcome === "change.succeeded" ? "Done, and proven on the device." : operatorSentence(outcome);
}
