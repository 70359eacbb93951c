import { expect, it } from "vitest";
import { checkTemplate } from "../../templates/language/check.ts";
import { formatTemplate } from "../../templates/language/format.ts";
import { libraryFiles } from "./files.ts";

const files = await libraryFiles();

it("there are templates of every plugin that needs one", () => {
  expect(new Set(files.map(({ plugin }) => plugin.kind)).size).toBeGreaterThan(3);
});

it.each(files)("$path is in order, for a kind that its plugin has", ({ body, plugin, kind }) => {
  expect(plugin.capabilities.operations).toContain(kind);
  if (!plugin.language) throw new Error(`${plugin.kind} takes no templates`);
  expect(checkTemplate({ body, dialect: plugin.language, kind }).complaints).toEqual([]);
  expect(formatTemplate(body, plugin.language)).toBe(body);
});
