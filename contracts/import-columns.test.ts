import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { columnOf, IMPORT_COLUMNS } from "./import-columns.ts";

test("docs/import.md lists every column with its other words, in order", async () => {
  const page = await readFile(new URL("../docs/import.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| ([^|]+) \| ([^|]*)\| [^|]*\|$/gm)].slice(1);
  const listed = rows.map(([, heading = "", others = ""]) => [
    heading,
    ...others.split(",").map((other) => other.trim()),
  ]);
  expect(listed.map((words) => words.filter((word) => word !== ""))).toEqual(Object.values(IMPORT_COLUMNS));
});

test("no word stands for two columns", () => {
  for (const [column, words] of Object.entries(IMPORT_COLUMNS))
    for (const word of words) expect(columnOf(word), word).toBe(column);
});
