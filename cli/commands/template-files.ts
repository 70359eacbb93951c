import type { Command } from "commander";
import type {
  CheckedTemplate,
  Complaint,
  ImportedTemplate,
  TemplateCheck,
  TemplateFile,
  TemplateImport,
} from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { shown } from "../output/table.ts";
import type { Session } from "../session.ts";
import { type Found, inRequests, readOne, readTemplates, sendable } from "../template-files.ts";
import type { Start } from "./shared.ts";

interface Meant {
  readonly plugin?: string;
  readonly kind?: string;
}

/** What is said of a file that could not be sent. */
function unsent(path: string, complaint: Complaint) {
  return { path, plugin: null, kind: null, verdict: "refused" as const, complaints: [complaint] };
}

/** An answer about each file, in the order of the files, with the path as the person knows it. */
async function askAll<Item extends { path: string }>(
  found: readonly Found[],
  ask: (files: TemplateFile[]) => Promise<readonly Item[]>,
  refuse: (path: string, complaint: Complaint) => Item,
): Promise<Item[]> {
  const answers: Item[] = [];
  for (const part of inRequests(sendable(found))) {
    // One after the other, as they depend on what is there already.
    answers.push(...(await ask(part.map(({ file }) => file))));
  }
  const left = answers.values();
  return found.flatMap(({ shown: path, unfit }): Item[] => {
    if (unfit) return [refuse(path, unfit)];
    const { value } = left.next();
    return value ? [{ ...value, path }] : [];
  });
}

const count = <Item>(items: readonly Item[], is: (item: Item) => boolean) => items.filter(is).length;

function tell(session: Session, complaints: readonly Complaint[]): void {
  for (const { severity, rule, message, line, column } of complaints)
    session.io.output.write(`  ${line}:${column} ${severity} ${rule}: ${shown(message)}\n`);
}

/** Data as it is for scripts; for a person one line a file with what is wrong below it. */
function print<Item extends CheckedTemplate | ImportedTemplate>(
  session: Session,
  items: readonly Item[],
  head: (item: Item) => string,
): void {
  if (session.print.format !== "table") return session.print.items(items, {});
  for (const item of items) {
    session.io.output.write(
      `${shown(item.path)}: ${head(item)}, ${item.plugin ?? "no plugin"}, ${item.kind ?? "no kind"}\n`,
    );
    tell(session, item.complaints);
  }
}

async function check(session: Session, paths: string[], meant: Meant): Promise<void> {
  const found = await readTemplates(paths);
  const items = await askAll(
    found,
    async (files) => (await session.api.post<TemplateCheck>("v1/templates/check", { files, ...meant })).items,
    (path, complaint): CheckedTemplate => ({ ...unsent(path, complaint), formatted: null }),
  );
  print(session, items, ({ verdict }) => verdict);
  const of = (verdict: CheckedTemplate["verdict"]) => count(items, (item) => item.verdict === verdict);
  session.print.hint(
    `Of ${items.length} files ${of("parsed")} parsed, ${of("warnings")} with warnings, ${of("refused")} refused.`,
  );
  if (of("refused") > 0) session.fail(1);
}

async function format(session: Session, path: string, meant: Meant): Promise<void> {
  const files = [await readOne(path)];
  const [item] = (await session.api.post<TemplateCheck>("v1/templates/check", { files, ...meant })).items;
  if (!item || item.formatted === null) {
    tell(session, item?.complaints ?? []);
    throw new CliError(EXIT.data, `${path} is refused.`);
  }
  session.io.output.write(item.formatted);
}

async function importFolder(session: Session, path: string, options: Meant & { dryRun?: boolean }): Promise<void> {
  const { dryRun = false, ...meant } = options;
  const url = `v1/templates/import?dryRun=${dryRun}`;
  const items = await askAll(
    await readTemplates([path]),
    async (files) => (await session.api.post<TemplateImport>(url, { files, ...meant })).items,
    (path, complaint): ImportedTemplate => ({ ...unsent(path, complaint), done: "refused", id: null }),
  );
  print(session, items, ({ done }) => done);
  const of = (done: ImportedTemplate["done"]) => count(items, (item) => item.done === done);
  const would = dryRun ? "would be " : "";
  session.print.hint(
    `Of ${items.length} files ${of("created")} ${would}created, ${of("updated")} ${would}updated, ${of("unchanged")} unchanged, ${of("refused")} refused.`,
  );
  if (of("refused") > 0) session.fail(EXIT.data);
}

/** `keyturn template check|format|import` */
export function addTemplateFileCommands(template: Command, start: Start): void {
  const meaning = (command: Command) =>
    command
      .option("--plugin <kind>", "of all files; else guessed from their folders, PLUGIN/KIND/NAME")
      .option("--kind <kind>", "of all files: change-password, user-creation, …; else guessed from their folders");
  meaning(
    template
      .command("check <paths...>")
      .description("say of files, or all files of folders, what is wrong or doubtful; exit code 1 when one is refused"),
  ).action(start(check));
  meaning(template.command("format <file>").description("print a file in canonical spelling")).action(start(format));
  meaning(
    template
      .command("import <folder>")
      .description("make templates of a folder's files, and new versions of those that are there")
      .option("--dry-run", "only say what would be done"),
  ).action(start(importFolder));
}
