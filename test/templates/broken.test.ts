/** A folder of templates that break the language's rules in every way that occurs, and what is made of each. */
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";
import { PLUGINS } from "../../plugins/registry.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import { formatTemplate } from "../../templates/language/format.ts";
import { RULES } from "../../templates/language/rules.ts";
import { guessFromPath } from "../../templates/language/template-file.ts";

interface Expected {
  /** `rule line`, in the order of the lines. */
  readonly complaints: readonly string[];
  /** The commands as they are meant; null where the template is refused. */
  readonly meant: readonly string[] | null;
}

const FOLDER = join(import.meta.dirname, "broken");
const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) =>
    join(entry.parentPath, entry.name)
      .slice(FOLDER.length + 1)
      .replaceAll(sep, "/"),
  )
  .toSorted();
const expected = JSON.parse(readFileSync(join(import.meta.dirname, "broken.expected.json"), "utf8")) as Record<
  string,
  Expected
>;
const dialects: Record<string, Dialect> = Object.fromEntries(
  PLUGINS.flatMap(({ kind, language }) => (language === undefined ? [] : [[kind, language]])),
);

/** What is made of a file of the folder. */
function outcome(file: string): Expected {
  const { plugin = "", kind } = guessFromPath(file, dialects);
  const dialect = dialects[plugin];
  if (dialect === undefined || kind === undefined) {
    throw new Error(`no plugin or kind in ${file}`);
  }
  const body = readFileSync(join(FOLDER, file), "utf8");
  const { complaints } = checkTemplate({ body, dialect, kind, longestSeconds: 30 });
  const isRefused = complaints.some(({ severity }) => severity === "refusal");
  const lines = formatTemplate(body, dialect).split("\n");
  return {
    complaints: complaints.map(({ rule, line }) => `${rule} ${line}`),
    meant: isRefused ? null : lines.filter((line) => line !== "" && !line.startsWith("#")),
  };
}

describe("the folder of broken templates", () => {
  it("is what is expected of", () => {
    expect(files).toEqual(Object.keys(expected).toSorted());
  });

  it.each(files)("%s", (file) => {
    expect(outcome(file)).toEqual(expected[file]);
    expect(expected[file]?.meant === null).toBe(file.includes("/Refused - "));
  });

  it("breaks every rule", () => {
    const broken = Object.values(expected).flatMap(({ complaints }) => complaints.map((one) => one.split(" ")[0]));
    expect([...new Set(broken)].toSorted()).toEqual(Object.keys(RULES).toSorted());
  });
});

describe("docs/templates.md", () => {
  it("has every command of every plugin, under all its names", () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/templates.md"), "utf8");
    const names = Object.values(dialects).flatMap(({ commands }) =>
      Object.entries(commands).flatMap(([name, { aliases = [] }]) => [name, ...aliases]),
    );
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
