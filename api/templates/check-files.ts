import type { CheckedFile, TemplateCheck, TemplateFile, TemplateFiles } from "../../contracts/templates.schema.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import { formatTemplate } from "../../templates/language/format.ts";
import type { Complaint } from "../../templates/language/script.ts";
import { guessFromPath } from "../../templates/language/template-file.ts";
import type { PluginInfo } from "../deps.ts";
import { dialectsOf, isRefused } from "./check-body.ts";

/** A checked file with the name that its path gives it. */
export interface NamedFile extends CheckedFile {
  readonly name: string;
}

/** Says of each file what plugin and kind it is for, and what is wrong with it. */
export function checkFiles(plugins: readonly PluginInfo[], { files, plugin, kind }: TemplateFiles): NamedFile[] {
  const dialects = dialectsOf(plugins);
  return files.map((file) => {
    const guessed = guessFromPath(file.path, dialects);
    const meant = { ...guessed, plugin: plugin ?? guessed.plugin, kind: kind ?? guessed.kind };
    return checkFile(file, meant, dialects);
  });
}

function checkFile(
  { path, body }: TemplateFile,
  { plugin, kind, name }: ReturnType<typeof guessFromPath>,
  dialects: Readonly<Record<string, Dialect>>,
): NamedFile {
  const about = { path, name, plugin: plugin ?? null, kind: kind ?? null };
  const dialect = plugin !== undefined && Object.hasOwn(dialects, plugin) ? dialects[plugin] : undefined;
  if (!dialect || kind === undefined) {
    const complaints = [
      ...(dialect ? [] : [unknown("file.plugin", "No folder names a plugin that takes templates: say which.")]),
      ...(kind === undefined ? [unknown("file.kind", "No folder names a kind of operation: say which.")] : []),
    ];
    return { ...about, verdict: "refused", complaints, formatted: null };
  }
  const { complaints } = checkTemplate({ body, dialect, kind });
  if (isRefused(complaints)) return { ...about, verdict: "refused", complaints, formatted: null };
  const verdict = complaints.length > 0 ? "warnings" : "parsed";
  return { ...about, verdict, complaints, formatted: formatTemplate(body, dialect) };
}

function unknown(rule: string, message: string): Complaint {
  return { severity: "refusal", rule, message, line: 1, column: 1 };
}

/** The files with how many of them have each verdict. */
export function summarize(items: readonly NamedFile[]): TemplateCheck {
  const count = (verdict: CheckedFile["verdict"]) => items.filter((item) => item.verdict === verdict).length;
  return {
    items: items.map(({ name: _name, ...item }) => item),
    summary: { parsed: count("parsed"), warnings: count("warnings"), refused: count("refused") },
  };
}
