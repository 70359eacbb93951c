import { setTimeout as sleep } from "node:timers/promises";
import { OPERATION_STATES, type OperationState, STATE_TITLES, isOpen } from "../contracts/states.ts";
import type { Operation } from "./api-types.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { ProgressLine } from "./output/progress.ts";
import type { Session } from "./session.ts";

const POLL_MS = 500;
/** How long an API that does not answer is waited for: a restart of it should not end a wait. */
const PATIENCE_MS = 60_000;
/** Codes asked for in one request; keeps the address short. */
const PAGE = 100;

/** What is known of some operations, as one line. */
export function describeProgress(operations: readonly Operation[]): string {
  const [only, ...others] = operations;
  if (only && others.length === 0) {
    const more = only.waitingFor ?? only.phase ?? only.outcome;
    return `Operation ${only.code}: ${STATE_TITLES[only.state]}${more ? ` (${more})` : ""}`;
  }
  const count = (state: OperationState) => operations.filter((operation) => operation.state === state).length;
  const parts = OPERATION_STATES.filter((state) => count(state) > 0).map(
    (state) => `${count(state)} ${STATE_TITLES[state].toLowerCase()}`,
  );
  return `${operations.length} operations: ${parts.join(", ")}`;
}

async function fetchOperations(session: Session, codes: readonly number[]): Promise<Operation[]> {
  const found: Operation[] = [];
  for (let start = 0; start < codes.length; start += PAGE) {
    const page = codes.slice(start, start + PAGE);
    found.push(...(await session.api.list<Operation>("v1/operations", { code: page })).items);
  }
  return found;
}

/** Asks again and again while the API is away, up to the patience. */
async function patiently<Answer>(line: ProgressLine, request: () => Promise<Answer>): Promise<Answer> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT.unavailable || Date.now() > until) throw error;
      line.show("Keyturn does not answer; the work goes on without us. Asking again.");
      await sleep(2 * POLL_MS);
    }
  }
}

/**
 * Follows operations until none is to move by itself any more, with a progress line on the error stream.
 * @returns the operations as they ended, in the order of the codes
 */
export async function waitForOperations(session: Session, codes: readonly number[]): Promise<Operation[]> {
  const known = new Map<number, Operation>();
  const line = new ProgressLine(session.io);
  let open = codes;
  try {
    for (;;) {
      for (const operation of await patiently(line, () => fetchOperations(session, open)))
        known.set(operation.code, operation);
      const missing = open.find((code) => !known.has(code));
      if (missing !== undefined) throw new CliError(EXIT.notFound, `There is no operation ${missing}.`);
      const now = codes.flatMap((code) => known.get(code) ?? []);
      line.show(describeProgress(now));
      open = now.filter((operation) => isOpen(operation.state)).map((operation) => operation.code);
      if (open.length === 0) return now;
      await sleep(POLL_MS);
    }
  } finally {
    line.end();
  }
}
