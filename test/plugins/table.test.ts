import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { PLUGINS } from "../../plugins/registry.ts";
import { caseOf, conformanceEntries, printedTable, tableRows } from "./table.ts";
import { PLUGINS_DOC, renderPlugins } from "./table-doc.ts";

test("every plugin has an entry and a real server, or is experimental; and no entry is of no plugin", async () => {
  const proven = PLUGINS.filter(({ experimental }) => !experimental).map(({ kind }) => kind);
  expect([...(await conformanceEntries()).keys()].toSorted()).toEqual(proven.toSorted());
});

test("every entry's suite is run by a test of the same name", async () => {
  for (const kind of (await conformanceEntries()).keys()) {
    const text = await readFile(join(import.meta.dirname, `${kind}.test.ts`), "utf8");
    expect(text, kind).toContain(`from "./${kind}.conformance.ts"`);
    expect(text, kind).toMatch(/testConformance\(conformance\)/);
  }
});

test("docs/plugins/README.md is the table, word for word, and every plugin has a page", async () => {
  expect(await readFile(PLUGINS_DOC, "utf8")).toBe(renderPlugins(await tableRows()));
  for (const { kind } of PLUGINS) await access(join(dirname(PLUGINS_DOC), `${kind}.md`));
});

test("what is printed tells passed, failed, not run and left out apart", async () => {
  const server = "Server 1.0";
  const entry = { kind: "one", server, leftOut: { odd: "no names" }, start: () => Promise.reject(new Error()) };
  const rows = [
    { kind: "one", title: "One", entry },
    { kind: "two", title: "Two", entry: undefined },
    { kind: "three", title: "Not in this run", entry },
  ];
  const results = new Map([["one", new Map([["own", "passed"] as const, ["others", "failed"] as const])]]);
  const lines = printedTable(rows, results).split("\n");
  expect(lines[2]).toMatch(/^one +Server 1\.0 +\+ {2}X {2}- {2}\. /);
  expect(lines[3]).toMatch(/^two +none: driver boundary only$/);
  expect(lines.join("\n")).not.toContain("three");
});

test("a test is a case by the end of its title", () => {
  expect(caseOf("cut 40 bytes after it [cut]")).toBe("cut");
  expect(caseOf("another one [of these]")).toBeUndefined();
  expect(caseOf("[cut] in front")).toBeUndefined();
});
