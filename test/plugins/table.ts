/** The table plugins × cases of the conformance suite × real server: from the plugins' entries and a run's results. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Plugin } from "../../plugins/plugin.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { CASES, type CaseName, type Conformance } from "./conformance-cases.ts";

/** What of a plugin runs against a real server. */
export interface Row {
  readonly kind: string;
  readonly title: string;
  /** Undefined: no real server has proven it, and the suite does not run. */
  readonly entry: Conformance | undefined;
}

/** What became of a case in a run. */
export type Outcome = "passed" | "failed" | "skipped";

const CASE_NAMES = Object.keys(CASES) as CaseName[];

/** Every plugin, in the order of the registry; with its entry unless it is experimental. */
export async function tableRows(plugins: readonly Plugin[] = PLUGINS): Promise<Row[]> {
  const entries = await conformanceEntries();
  return plugins.map(({ kind, title }) => ({ kind, title, entry: entries.get(kind) }));
}

/** The entries of all plugins, by kind. @throws Error when a file's name is not that of the plugin it is of */
export async function conformanceEntries(): Promise<Map<string, Conformance>> {
  const files = await readdir(import.meta.dirname);
  const entries = files
    .filter((file) => file.endsWith(".conformance.ts"))
    .map(async (file) => {
      const url = pathToFileURL(join(import.meta.dirname, file)).href;
      const { conformance } = (await import(url)) as { conformance: Conformance };
      if (conformance.kind !== basename(file, ".conformance.ts")) throw new Error(`${file} is of ${conformance.kind}`);
      return [conformance.kind, conformance] as const;
    });
  return new Map(await Promise.all(entries));
}

/** Which case a test is, by the end of its title; undefined when it is none. */
export function caseOf(title: string): CaseName | undefined {
  const name = /\[([a-z-]+)\]$/.exec(title)?.[1];
  return CASE_NAMES.find((known) => known === name);
}

const MARKS: Readonly<Record<Outcome, string>> = { passed: "+", failed: "X", skipped: "." };
const LEFT_OUT = "-";

/**
 * The table of a run, as text of a terminal.
 * @param results by kind of plugin and case; a kind that is not in it did not run
 */
export function printedTable(
  rows: readonly Row[],
  results: ReadonlyMap<string, ReadonlyMap<CaseName, Outcome>>,
): string {
  const shown = rows.filter(({ kind, entry }) => !entry || results.has(kind));
  const wide = (texts: readonly string[]) => Math.max(...texts.map(({ length }) => length)) + 2;
  const [kinds, servers] = [wide(shown.map(({ kind }) => kind)), wide(shown.map(serverOf))];
  const head = `${"plugin".padEnd(kinds)}${"real server".padEnd(servers)}`;
  const lines = shown.map((row) => {
    const marks = CASE_NAMES.map((name) => markOf(row, name, results.get(row.kind)).padStart(3)).join("");
    return `${row.kind.padEnd(kinds)}${serverOf(row).padEnd(servers)}${row.entry ? marks : ""}`.trimEnd();
  });
  return [
    "Plugins under the conformance suite (+ passed, X failed, . not run, - the protocol cannot have it):",
    `${head}${CASE_NAMES.map((_, index) => String(index + 1).padStart(3)).join("")}`,
    ...lines,
    ...CASE_NAMES.map((name, index) => `${String(index + 1).padStart(3)} ${name}: ${CASES[name]}`),
    "",
  ].join("\n");
}

function markOf({ entry }: Row, name: CaseName, results?: ReadonlyMap<CaseName, Outcome>): string {
  if (entry?.leftOut?.[name] !== undefined) return LEFT_OUT;
  return MARKS[results?.get(name) ?? "skipped"];
}

/** What the table says of the server. */
export function serverOf({ entry }: Row): string {
  return entry?.server ?? "none: driver boundary only";
}
