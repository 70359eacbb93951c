import { type Command, Option } from "commander";
import type { AttemptCounts, ListedAttempt } from "../api-types.ts";
import { collect, moment, wholeNumber } from "../options.ts";
import { LISTED_ATTEMPT_COLUMNS } from "../output/columns.ts";
import type { Columns } from "../output/print.ts";
import type { Session } from "../session.ts";
import { addFilterOptions, type FilterOptions, filterQuery } from "./operation-filter.ts";
import type { Start } from "./shared.ts";

interface ListOptions extends FilterOptions {
  readonly outcome?: readonly string[];
  readonly sort: string;
  readonly limit: number;
}

async function list(session: Session, { outcome, sort, limit, ...filters }: ListOptions): Promise<void> {
  const query = { ...(await filterQuery(session, filters)), outcome, sort };
  const { items, more } = await session.api.list<ListedAttempt>("v1/attempts", query, limit);
  session.print.items(items, LISTED_ATTEMPT_COLUMNS);
  if (more) session.print.hint(`There are more than these ${items.length}; see --limit.`);
}

const WEEK_MS = 7 * 86_400_000;

const COUNT_COLUMNS: Columns<AttemptCounts["items"][number]> = {
  "ENDED WITH": ({ outcome, device }) => device?.name ?? outcome ?? "under way",
  ATTEMPTS: ({ attempts }) => attempts,
  SUCCEEDED: ({ succeeded }) => succeeded,
  FAILED: ({ failed }) => failed,
};

interface CountOptions {
  readonly by: "outcome" | "device";
  readonly from?: string;
  readonly to?: string;
}

async function count(
  { api, print }: Session,
  { by, from, to = new Date().toISOString() }: CountOptions,
): Promise<void> {
  const since = from ?? new Date(Date.parse(to) - WEEK_MS).toISOString();
  const counts = await api.get<AttemptCounts>("v1/attempts/counts", { by, from: since, to });
  const { "ENDED WITH": first, ...numbers } = COUNT_COLUMNS;
  print.items(counts.items, by === "device" && first ? { DEVICE: first, ...numbers } : COUNT_COLUMNS);
}

/** `keyturn attempts …` */
export function addAttemptCommands(program: Command, start: Start): void {
  const attempts = program.command("attempts").description("every single try of all operations");
  addFilterOptions(attempts.command("list").description("list attempts, successes included, latest first"))
    .option("--outcome <code>", "how it ended: change.succeeded or a code of docs/errors.md; may be repeated", collect)
    .addOption(new Option("--sort <order>", "- for latest first").choices(["started", "-started"]).default("-started"))
    .option("--limit <number>", "how many", wholeNumber, 50)
    .action(start(list));
  attempts
    .command("counts")
    .description("how many began within a time, most failures first")
    .addOption(new Option("--by <what>", "what they are counted by").choices(["outcome", "device"]).default("outcome"))
    .option("--from <time>", "begun at this time or later; a week before --to when absent", moment)
    .option("--to <time>", "begun before this time; now when absent", moment)
    .action(start(count));
}
