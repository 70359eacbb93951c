/** The page that sets Keyturn beside the original names tests, routes and commands that are there. */
import { access, glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { run } from "../cli/program.ts";
import { testIo } from "../cli/test-io.ts";

const CHECKOUT = fileURLToPath(new URL("..", import.meta.url));
const page = await readFile(join(CHECKOUT, "docs/parity.md"), "utf8");

const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| the original |"))
  .map((line) => line.slice(1, -1).split(" | "));

/** What one cell names as proof: files, each with the title of a test in it. */
function proofsIn(cell: string): { file: string; title: string }[] {
  return [...cell.matchAll(/`([^`]+\.ts)` "([^"]+)"/g)].map(([, file = "", title = ""]) => ({ file, title }));
}

const proofs = new Map(
  rows.flatMap((row) =>
    proofsIn(row[2] ?? "").map(({ file, title }) => [`${file} ${title}`, { file, title }] as const),
  ),
);

test("every row says where a thing is here, and which test proves it", () => {
  expect(rows.length).toBeGreaterThan(80);
  for (const row of rows) {
    expect(row, row[0]).toHaveLength(4);
    expect(row[1]?.trim(), row[0]).not.toBe("");
    expect(proofsIn(row[2] ?? "").length, row[0]).toBeGreaterThan(0);
  }
});

test.each([...proofs.values()])('$file has "$title"', async ({ file, title }) => {
  const source = await readFile(join(CHECKOUT, file), "utf8");
  const called = source.includes(`("${title}"`) || source.includes(`"${title}",`) || source.includes(`\`${title}`);
  expect(called, title).toBe(true);
});

test("every path of the API that is named there is a route", async () => {
  const urls = new Set<string>();
  for await (const file of glob("api/routes/*.ts", { cwd: CHECKOUT }))
    for (const [, url = ""] of (await readFile(join(CHECKOUT, file), "utf8")).matchAll(/url: ["`](\/v1[^"`]*)["`]/g))
      urls.add(url.replaceAll(/:(\w+)/g, "{$1}"));
  const named = new Set([...page.matchAll(/\/v1\/[\w./{}-]+/g)].map(([path]) => path.replace(/\.$/, "")));
  expect(named.size).toBeGreaterThan(15);
  expect([...named].filter((path) => !urls.has(path))).toEqual([]);
});

describe("every command that is named there", () => {
  const commands = new Set(
    [...page.matchAll(/`keyturn ([a-z -]+?)(?: --?[^`]*| …| FILE[^`]*)?`/g)].map(([, words = ""]) => words.trim()),
  );
  test("is one", async () => {
    expect(commands.size).toBeGreaterThan(15);
    for (const words of commands) {
      const io = testIo();
      await run([...words.split(" "), "--help"], io);
      expect(io.written().output, words).toContain(`Usage: keyturn ${words}`);
    }
  });
});

test("pages that are named there are there", async () => {
  const pages = new Set([...page.matchAll(/`(docs\/[\w./-]+|contracts\/[\w./-]+)`/g)].map(([, path = ""]) => path));
  await Promise.all([...pages].map((path) => access(join(CHECKOUT, path))));
});
