import type { Command } from "commander";
import { ERRORS } from "../../contracts/errors.ts";
import { type OperationAction, STATE_TITLES } from "../../contracts/states.ts";
import type { ActionResults } from "../api-types.ts";
import { exitCodeForStatus } from "../exit-codes.ts";
import { moment, operationCodes } from "../options.ts";
import type { Columns } from "../output/print.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

type Result = ActionResults["items"][number];

/** Codes that one request takes. */
const AT_ONCE = 10_000;

const RESULT_COLUMNS: Columns<Result> = {
  CODE: ({ code }) => code,
  STATE: ({ state }) => (state === null ? "none" : STATE_TITLES[state]),
  DONE: ({ ok }) => (ok ? "yes" : "no"),
  REFUSED: ({ problem }) => problem?.code,
  DETAIL: ({ problem }) => problem?.detail,
};

interface ActOptions {
  readonly comment?: string;
  readonly at?: string;
}

/** Each is answered for itself: one that refuses does not keep the others from being done. */
async function act(
  session: Session,
  action: OperationAction,
  codes: readonly number[],
  options: ActOptions,
): Promise<void> {
  const { comment, at: scheduledFor } = options;
  const all = [...new Set(codes)];
  const results: Result[] = [];
  for (let start = 0; start < all.length; start += AT_ONCE) {
    const body = { action, codes: all.slice(start, start + AT_ONCE), comment, scheduledFor };
    results.push(...(await session.api.post<ActionResults>("v1/operations/actions", body)).items);
  }
  session.print.items(results, RESULT_COLUMNS);
  for (const { problem } of results) if (problem) session.fail(exitCodeForStatus(ERRORS[problem.code].status));
}

const DESCRIPTIONS: Readonly<Record<OperationAction, string>> = {
  approve: "agree to operations that wait for approval",
  reject: "refuse operations that wait for approval: they are canceled",
  cancel: "cancel operations that have not started",
  restart: "start operations that ended in error once more",
  "run-now": "drop the wait for time and go to the head of the queue",
};

/** `keyturn operations approve|reject|cancel|restart|run-now …` */
export function addActionCommands(operations: Command, start: Start): void {
  for (const [action, description] of Object.entries(DESCRIPTIONS) as [OperationAction, string][]) {
    const command = operations
      .command(action)
      .argument("<code...>", "the operations' codes", operationCodes)
      .description(description);
    if (action === "approve" || action === "reject") command.option("--comment <text>", "why; it is kept");
    if (action === "restart") command.option("--at <time>", "not before this time", moment);
    command.action(start((session, codes: number[], options: ActOptions) => act(session, action, codes, options)));
  }
}
