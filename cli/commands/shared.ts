import { InvalidArgumentError } from "commander";
import type { Operation } from "../api-types.ts";
import { EXIT } from "../exit-codes.ts";
import type { Session } from "../session.ts";

/** Makes a commander action of work that wants a session first, then what commander gives: arguments and options. */
export type Start = <Args extends unknown[]>(
  work: (session: Session, ...args: Args) => Promise<void>,
) => (...given: unknown[]) => Promise<void>;

/** Gathers an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Gathers an option that may be repeated and takes only certain words. */
export function collectOf(choices: readonly string[]): (value: string, before?: readonly string[]) => string[] {
  return (value, before = []) => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return [...before, value];
  };
}

/** The exit code tells whether everything that was waited for succeeded. */
export function failUnlessSucceeded(session: Session, operations: readonly Operation[]): void {
  if (operations.some((operation) => operation.state !== "succeeded")) session.fail(EXIT.notNow);
}
