import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import type { Command } from "commander";
import type { ImportReport, ImportRowReport } from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import type { Columns } from "../output/print.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

interface Flaw extends Pick<ImportRowReport, "line"> {
  readonly problem: ImportRowReport["problems"][number];
}

const FLAW_COLUMNS: Columns<Flaw> = {
  LINE: ({ line }) => line,
  COLUMN: ({ problem }) => problem.column,
  CODE: ({ problem }) => problem.code,
  RULE: ({ problem }) => problem.rule,
  GOT: ({ problem }) => problem.got,
};

async function readBytes(session: Session, file: string): Promise<Buffer<ArrayBuffer>> {
  if (file === "-") return Buffer.from(await buffer(session.io.input));
  try {
    return await readFile(file);
  } catch (cause) {
    throw new CliError(EXIT.notFound, `${file} cannot be read.`, "", { cause });
  }
}

async function importFile(session: Session, file: string, { dryRun = false }: { dryRun?: boolean }): Promise<void> {
  const text = await readBytes(session, file);
  const report = await session.api.upload<ImportReport>("v1/import", { dryRun }, { type: "text/csv", text });
  const { created, updated, unchanged, refused, rows } = report;
  if (session.print.format === "json") session.print.item(report, {});
  else if (session.print.format === "jsonl") session.print.items(rows, {});
  else if (refused > 0) {
    const flaws = rows.flatMap(({ line, problems }) => problems.map((problem) => ({ line, problem })));
    session.print.items(flaws, FLAW_COLUMNS);
  }
  const would = dryRun ? "would be " : "";
  session.print.hint(
    `Of ${rows.length} rows ${created} ${would}created, ${updated} ${would}updated, ${unchanged} unchanged, ${refused} refused.`,
  );
  if (refused > 0) session.fail(EXIT.data);
}

/** `keyturn import …` */
export function addImportCommand(program: Command, start: Start): void {
  program
    .command("import <file>")
    .description("register and edit devices and accounts from a CSV file; - is standard input. See docs/import.md")
    .option("--dry-run", "only say what would be done")
    .action(start(importFile));
}
