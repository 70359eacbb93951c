import { expect, it } from "vitest";
import { checkTemplate } from "../../templates/language/check.ts";
import { formatTemplate } from "../../templates/language/format.ts";
import { libraryFiles } from "./files.ts";

const files = await libraryFiles();

it.each(files)("$path is in order, for a kind that its plugin has", ({ path, body, plugin, kind }) => {
  expect(plugin.capabilities.operations).toContain(kind);
  if (!plugin.language) throw new Error(`${plugin.kind} takes no templates`);
  const { complaints } = checkTemplate({ body, dialect: plugin.language, kind });
  // The command line of a router takes a password in no other way.
  expect(complaints.filter(({ rule }) => !(isRouter(path) && rule === "password.argument"))).toEqual([]);
  expect(formatTemplate(body, plugin.language)).toBe(body);
});

it("what no test runs on its device says so, and nothing else does", () => {
  const unproven = files
    .filter(({ body }) => body.includes("# Not yet run against a real device"))
    .map(({ path }) => path);
  expect(unproven).toEqual(files.map(({ path }) => path).filter((path) => path.includes("/ios-")));
});

function isRouter(path: string): boolean {
  return /\/(?:frr|ios)-[^/]+$/.test(path);
}
