import { stripVTControlCharacters, styleText } from "node:util";

export type Cell = string | number | boolean | null | undefined;

/** Numbers stand right, everything else left. */
function pad(text: string, width: number, right: boolean): string {
  const fill = " ".repeat(Math.max(0, width - text.length));
  return right ? fill + text : text + fill;
}

/** A value as a terminal may show it: nothing in it steers the terminal. */
export function shown(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  return stripVTControlCharacters(String(cell)).replaceAll(/\p{Cc}+/gu, " ");
}

/**
 * One aligned text table.
 * @param headings one per column
 * @param rows cells in the order of the headings
 * @param color whether the headings are bold
 */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], color = false): string {
  const texts = rows.map((row) => headings.map((_, column) => shown(row[column])));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...texts.map((row) => (row[column] ?? "").length)),
  );
  const right = headings.map(
    (_, column) => rows.length > 0 && rows.every((row) => row[column] == null || typeof row[column] === "number"),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => pad(cell, widths[column] ?? 0, right[column] ?? false))
      .join("  ")
      .trimEnd();
  const head = line(headings);
  const bold = color ? styleText("bold", head, { validateStream: false }) : head;
  return [bold, ...texts.map(line)].join("\n") + "\n";
}
