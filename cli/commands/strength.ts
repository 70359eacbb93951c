import type { Command } from "commander";
import { DEFAULT_STRENGTH } from "../../contracts/strength.ts";
import type { Strength, StrengthList } from "../api-types.ts";
import { count, wholeNumber } from "../options.ts";
import { STRENGTH_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

interface CreateOptions {
  readonly length?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly lowercase?: number;
  readonly uppercase?: number;
  readonly digits?: number;
  readonly symbols?: number;
  readonly symbolSet?: string;
  readonly repeatedNeighbours?: true;
}

async function create(session: Session, name: string, { length, ...options }: CreateOptions): Promise<void> {
  const lengths = length === undefined ? {} : { minLength: length, maxLength: length };
  const strength = await session.api.post<Strength>("v1/strengths", {
    name,
    rules: { ...DEFAULT_STRENGTH, ...lengths, ...options },
  });
  session.print.item(strength, STRENGTH_COLUMNS);
}

/** `keyturn strength …` */
export function addStrengthCommands(program: Command, start: Start): void {
  const strength = program.command("strength").description("rules for generated passwords");
  strength
    .command("list")
    .description("list the rules")
    .action(
      start(async ({ api, print }) => {
        print.items((await api.get<StrengthList>("v1/strengths")).items, STRENGTH_COLUMNS);
      }),
    );
  strength
    .command("create <name>")
    .description("make rules; what is not given is as in the rules that ship")
    .option("--length <number>", "exactly so many characters", wholeNumber)
    .option("--min-length <number>", "at least so many characters", wholeNumber)
    .option("--max-length <number>", "at most so many characters", wholeNumber)
    .option("--lowercase <number>", "at least so many of a to z", count)
    .option("--uppercase <number>", "at least so many of A to Z", count)
    .option("--digits <number>", "at least so many digits", count)
    .option("--symbols <number>", "at least so many symbols", count)
    .option("--symbol-set <characters>", "the symbols that may occur")
    .option("--repeated-neighbours", "the same character may stand twice in a row")
    .action(start(create));
}
