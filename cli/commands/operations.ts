import { type Command, Option } from "commander";
import type { Operation, OperationDetails, OperationPage } from "../api-types.ts";
import {
  ATTEMPT_COLUMNS,
  DECISION_COLUMNS,
  LISTED_COLUMNS,
  OPERATION_COLUMNS,
  PROGRESS_COLUMNS,
} from "../output/columns.ts";
import { operationCode, operationCodes, wholeNumber } from "../options.ts";
import type { Session } from "../session.ts";
import { waitForOperations } from "../wait.ts";
import { addJobCommand } from "./jobs.ts";
import { addActionCommands } from "./operation-actions.ts";
import { addFilterOptions, type FilterOptions, filterQuery } from "./operation-filter.ts";
import { failUnlessSucceeded, type Start } from "./shared.ts";

const SORTS = ["code", "-code", "scheduled", "-scheduled", "executed", "-executed"] as const;

interface ListOptions extends FilterOptions {
  readonly sort: string;
  readonly limit: number;
  readonly details?: true;
  readonly progress?: true;
  readonly count?: true;
}

async function list(session: Session, options: ListOptions): Promise<void> {
  const { limit, sort, details, progress, count, ...filters } = options;
  const filter = await filterQuery(session, filters);
  const include = [details && "details", progress && "progress"].filter((part) => part !== undefined);
  const { items, more } = await session.api.list<Operation>("v1/operations", { ...filter, sort, include }, limit);
  session.print.items(items, {
    ...OPERATION_COLUMNS,
    ...(details ? LISTED_COLUMNS : {}),
    ...(progress ? PROGRESS_COLUMNS : {}),
  });
  if (more) session.print.hint(`There are more than these ${items.length}; see --limit.`);
  if (!count) return;
  const { total } = await session.api.get<OperationPage>("v1/operations", { ...filter, limit: 1, count: "capped" });
  session.print.hint(
    total ? `${total.count}${total.capped ? " or more" : ""} match.` : "They could not be counted in time.",
  );
}

async function exportAll(session: Session, { sort, ...filters }: FilterOptions & { sort: string }): Promise<void> {
  const stream = await session.api.open("v1/operations.csv", { ...(await filterQuery(session, filters)), sort });
  for await (const bytes of stream) session.io.output.write(bytes);
}

async function show(session: Session, code: number): Promise<void> {
  const operation = await session.api.get<OperationDetails>(`v1/operations/${code}`);
  session.print.item(operation, OPERATION_COLUMNS);
  if (session.print.format !== "table") return;
  const { approval, attemptList, children } = operation;
  if (approval) {
    const turn = approval.askedLevel === null ? "" : ` Level ${approval.askedLevel + 1} is asked.`;
    session.print.hint(`Needs approval${approval.expiresAt ? ` until ${approval.expiresAt}` : ""}.${turn}`);
    if (approval.decisions.length > 0) session.print.more(approval.decisions, DECISION_COLUMNS);
  }
  if (attemptList.length > 0) session.print.more(attemptList, ATTEMPT_COLUMNS);
  const made = Object.entries(children.counts).filter(([, number]) => number > 0);
  if (made.length > 0) session.print.more(made, { CHILDREN: ([state]) => state, COUNT: ([, count]) => count });
}

async function watch(session: Session, codes: readonly number[]): Promise<void> {
  const ended = await waitForOperations(session, [...new Set(codes)]);
  session.print.items(ended, OPERATION_COLUMNS);
  failUnlessSucceeded(session, ended);
}

/** `keyturn operations …` */
export function addOperationCommands(program: Command, start: Start): void {
  const operations = program.command("operations").alias("operation").description("requested work and its results");
  const sort = () => new Option("--sort <order>", "- for highest or latest first").choices(SORTS).default("-code");
  addFilterOptions(operations.command("list").description("list operations by any filters, newest first"))
    .addOption(sort())
    .option("--details", "the template used and the last message, too")
    .option("--progress", "how far running ones are now, too")
    .option("--count", "say how many match, up to 10,000")
    .option("--limit <number>", "how many", wholeNumber, 50)
    .action(start(list));
  addFilterOptions(operations.command("export").description("write all that match as CSV"))
    .addOption(sort())
    .action(start(exportAll));
  operations
    .command("counts")
    .description("how many operations are in each state")
    .action(
      start(async ({ api, print }) => {
        const counts = await api.get<Record<string, number | object>>("v1/operations/counts");
        if (print.format !== "table") return print.item(counts, {});
        const states = Object.entries(counts).filter(([name]) => name !== "sites");
        print.items(states, { STATE: ([state]) => state, COUNT: ([, number]) => Number(number) });
      }),
    );
  operations
    .command("show")
    .argument("<code>", "the operation's code", operationCode)
    .description("one operation with its approvals, its attempts with their steps, and its children")
    .action(start((session, code: number) => show(session, code)));
  operations
    .command("watch")
    .argument("<code...>", "the operations' codes", operationCodes)
    .description("follow operations until they have ended")
    .action(start((session, codes: number[]) => watch(session, codes)));
  addActionCommands(operations, start);
  addJobCommand(operations, start);
}
