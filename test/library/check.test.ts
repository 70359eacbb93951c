import { expect, it } from "vitest";
import { checkTemplate } from "../../templates/language/check.ts";
import { formatTemplate } from "../../templates/language/format.ts";
import { libraryFiles } from "./files.ts";

const files = await libraryFiles();

it.each(files)("$path is in order, for a kind that its plugin has", ({ body, plugin, kind }) => {
  expect(plugin.capabilities.operations).toContain(kind);
  if (!plugin.language) throw new Error(`${plugin.kind} takes no templates`);
  expect(checkTemplate({ body, dialect: plugin.language, kind }).complaints).toEqual([]);
  expect(formatTemplate(body, plugin.language)).toBe(body);
});
