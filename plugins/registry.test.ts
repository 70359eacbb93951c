import { readdir } from "node:fs/promises";
import { expect, it } from "vitest";
import { findPlugin, PLUGINS } from "./registry.ts";

/** Folders that hold no plugin. */
const SHARED = ["middleware", "terminal", "secure-shell", "tls", "statements", "virtual-terminal"];

it("every plugin folder is registered, and nothing else", async () => {
  const entries = await readdir(new URL(".", import.meta.url), { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const kinds = folders.filter((name) => !SHARED.includes(name));
  expect(PLUGINS.map(({ kind }) => kind).toSorted()).toEqual(kinds.toSorted());
});

it("finds a plugin by its kind only", () => {
  expect(findPlugin("postgresql")?.title).toBe("PostgreSQL");
  expect(findPlugin("toString")).toBeUndefined();
});
