import { type Command, InvalidArgumentError, Option } from "commander";
import { OPERATION_KINDS, OPERATION_STATES } from "../../contracts/states.ts";
import type { Operation, OperationDetails } from "../api-types.ts";
import { ApiError } from "../client.ts";
import { findCredential } from "../find.ts";
import { ATTEMPT_COLUMNS, OPERATION_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { waitForOperations } from "../wait.ts";
import { type Start, collectOf, failUnlessSucceeded } from "./shared.ts";

interface ListOptions {
  readonly state: readonly string[];
  readonly kind?: string;
  readonly username?: string;
  readonly device?: string;
  readonly credential?: string;
  readonly limit: number;
}

/** @throws InvalidArgumentError for anything that is not an operation's code */
export function operationCode(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("An operation's code is a whole number.");
  return Number(text);
}

function operationCodes(text: string, before: readonly number[] = []): number[] {
  return [...before, operationCode(text)];
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const { credential, limit, ...filters } = options;
  const credentialId = credential === undefined ? undefined : (await findCredential(session.api, credential)).id;
  const { items, more } = await session.api.list<Operation>("v1/operations", { ...filters, credentialId }, limit);
  session.print.items(items, OPERATION_COLUMNS);
  if (more) session.print.hint(`There are more than these ${items.length}; see --limit.`);
}

async function show(session: Session, code: number): Promise<void> {
  const operation = await session.api.get<OperationDetails>(`v1/operations/${code}`);
  session.print.item(operation, OPERATION_COLUMNS);
  if (session.print.format === "table" && operation.attemptList.length > 0) {
    session.io.output.write("\n");
    session.print.items(operation.attemptList, ATTEMPT_COLUMNS);
  }
}

async function watch(session: Session, codes: readonly number[]): Promise<void> {
  const ended = await waitForOperations(session, [...new Set(codes)]);
  session.print.items(ended, OPERATION_COLUMNS);
  failUnlessSucceeded(session, ended);
}

/** Acts on one after the other; one that refuses does not keep the others from being asked. */
async function act(session: Session, action: string, codes: readonly number[]): Promise<void> {
  const done: Operation[] = [];
  for (const code of new Set(codes)) {
    try {
      done.push(await session.api.post<Operation>(`v1/operations/${code}/${action}`, {}));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      session.print.hint(`${code}: ${error.message} ${error.hint}`.trimEnd());
      session.fail(error.exitCode);
    }
  }
  if (done.length > 0) session.print.items(done, OPERATION_COLUMNS);
}

const ACTIONS = {
  cancel: "cancel operations that have not started",
  restart: "start operations that ended in error once more",
  "run-now": "drop the wait for time and go to the head of the queue",
} as const;

/** `keyturn operations …` */
export function addOperationCommands(program: Command, start: Start): void {
  const operations = program.command("operations").alias("operation").description("requested work and its results");
  operations
    .command("list")
    .description("list operations, newest first")
    .option("--state <state>", `may be repeated: ${OPERATION_STATES.join(", ")}`, collectOf(OPERATION_STATES), [])
    .addOption(new Option("--kind <kind>").choices(OPERATION_KINDS))
    .option("--username <text>", "part of the user name")
    .option("--device <text>", "part of the device's name")
    .option("--credential <credential>", "id or user@device")
    .option("--limit <number>", "how many", operationCode, 50)
    .action(start(list));
  operations
    .command("show")
    .argument("<code>", "the operation's code", operationCode)
    .description("one operation with its attempts and their steps")
    .action(start((session, code: number) => show(session, code)));
  operations
    .command("watch")
    .argument("<code...>", "the operations' codes", operationCodes)
    .description("follow operations until they have ended")
    .action(start((session, codes: number[]) => watch(session, codes)));
  for (const [action, description] of Object.entries(ACTIONS))
    operations
      .command(action)
      .argument("<code...>", "the operations' codes", operationCodes)
      .description(description)
      .action(start((session, codes: number[]) => act(session, action, codes)));
}
