import {
  type CheckedFile,
  TemplateBody,
  type TemplateCheck,
  type TemplateFile,
  type TemplateFiles,
  TemplateName,
} from "../../contracts/templates.schema.ts";
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

/**
 * Says of each file what plugin and kind it is for, and what is wrong with it.
 * @param longestSeconds how long a template may wait for a device
 */
export function checkFiles(
  plugins: readonly PluginInfo[],
  { files, plugin, kind }: TemplateFiles,
  longestSeconds: number,
): NamedFile[] {
  const dialects = dialectsOf(plugins);
  return files.map((file) => {
    const guessed = guessFromPath(file.path, dialects);
    const meant = { ...guessed, plugin: plugin ?? guessed.plugin, kind: kind ?? guessed.kind };
    return checkFile(file, meant, { dialects, longestSeconds });
  });
}

function checkFile(
  { path, body }: TemplateFile,
  { plugin, kind, name }: ReturnType<typeof guessFromPath>,
  { dialects, longestSeconds }: { dialects: Readonly<Record<string, Dialect>>; longestSeconds: number },
): NamedFile {
  const about = { path, name, plugin: plugin ?? null, kind: kind ?? null };
  const dialect = plugin !== undefined && Object.hasOwn(dialects, plugin) ? dialects[plugin] : undefined;
  const unfit = [...unstorable(name, body), ...(kind === undefined ? [refusal("file.kind", NO_KIND)] : [])];
  if (!dialect || kind === undefined) {
    const complaints = [...(dialect ? [] : [refusal("file.plugin", noPlugin(plugin, path))]), ...unfit];
    return { ...about, verdict: "refused", complaints, formatted: null };
  }
  const complaints = unfit.length > 0 ? unfit : checkTemplate({ body, dialect, kind, longestSeconds }).complaints;
  if (isRefused(complaints)) return { ...about, verdict: "refused", complaints, formatted: null };
  const verdict = complaints.length > 0 ? "warnings" : "parsed";
  return { ...about, verdict, complaints, formatted: formatTemplate(body, dialect) };
}

/** A complaint about a whole file. */
export function refusal(rule: string, message: string): Complaint {
  return { severity: "refusal", rule, message, line: 1, column: 1 };
}

const NO_KIND = "No folder names a kind of operation: say which.";
const BAD_NAME = "The file's name is empty, longer than 200 characters, or holds what cannot be seen.";
const BAD_TEXT = "The text holds a zero character or half of a surrogate pair.";

function noPlugin(given: string | undefined, path: string): string {
  if (given !== undefined) return "There is no such plugin, or it takes no templates; GET /v1/plugins lists them.";
  const folder = path.split(/[/\\]/).at(-3);
  const shown = folder !== undefined && /^[\w .+-]{1,40}$/.test(folder) ? ` (${folder} is none here)` : "";
  return `No folder names a plugin that takes templates${shown}: say which one it is for.`;
}

/** Why a file cannot become a template, whatever it says. */
function unstorable(name: string, body: string): Complaint[] {
  const stored = TemplateName.safeParse(name).success;
  const text = TemplateBody.safeParse(body).success;
  return [...(stored ? [] : [refusal("file.name", BAD_NAME)]), ...(text ? [] : [refusal("file.text", BAD_TEXT)])];
}

/** The files with how many of them have each verdict. */
export function summarize(items: readonly NamedFile[]): TemplateCheck {
  const count = (verdict: CheckedFile["verdict"]) => items.filter((item) => item.verdict === verdict).length;
  return {
    items: items.map(({ name: _name, ...item }) => item),
    summary: { parsed: count("parsed"), warnings: count("warnings"), refused: count("refused") },
  };
}
