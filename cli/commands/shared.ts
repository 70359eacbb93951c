import type { Operation } from "../api-types.ts";
import { EXIT } from "../exit-codes.ts";
import type { Session } from "../session.ts";

/** Makes a commander action of work that wants a session first, then what commander gives: arguments and options. */
export type Start = <Args extends unknown[]>(
  work: (session: Session, ...args: Args) => Promise<void>,
) => (...given: unknown[]) => Promise<void>;

/** The exit code tells whether everything that was waited for succeeded. */
export function failUnlessSucceeded(session: Session, operations: readonly Operation[]): void {
  if (operations.some((operation) => operation.state !== "succeeded")) session.fail(EXIT.notNow);
}
