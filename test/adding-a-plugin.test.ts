/** Does what docs/adding-a-plugin.md says, word for word, in a copy of the checkout. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHECKOUT } from "../scripts/engine/instance.ts";

const run = promisify(execFile);
const PAGE = join(CHECKOUT, "docs", "adding-a-plugin.md");
const REGISTRY = "plugins/registry.ts";
const TABLE = "docs/plugins/README.md";
/** Not part of the source. */
const LEFT_BEHIND = new Set([".git", ".keyturn", "node_modules"]);

let copy: string;
let before: Map<string, string>;

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "keyturn-plugin-"));
  await cp(CHECKOUT, copy, { recursive: true, filter: (path) => !LEFT_BEHIND.has(relative(CHECKOUT, path)) });
  await symlink(join(CHECKOUT, "node_modules"), join(copy, "node_modules"));
  before = await filesOf(copy);
  for (const [path, code] of codeOf(await readFile(PAGE, "utf8")))
    await (path === REGISTRY ? register : add)(path, code);
});
afterAll(() => rm(copy, { recursive: true, force: true }));

/** A file's code by its path: the blocks under a line that is a path and nothing else. */
function codeOf(page: string): [path: string, code: string][] {
  return [...page.matchAll(/^`([\w./-]+)`\n\n```\w+\n([^]*?)^```$/gm)].map(([, path = "", code = ""]) => [path, code]);
}

async function add(path: string, code: string): Promise<void> {
  await mkdir(dirname(join(copy, path)), { recursive: true });
  await writeFile(join(copy, path), code, { flag: "wx" });
}

/** Adds the import, and the name to the list. */
async function register(path: string, line: string): Promise<void> {
  const [, name = ""] = /^import \{ (\w+) \}/.exec(line) ?? [];
  const text = await readFile(join(copy, path), "utf8");
  const added = text.replace(/(?<=: readonly Plugin\[\] = \[)/, `${name}, `).replace(/^import /m, `${line}import `);
  await writeFile(join(copy, path), added);
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hashes = paths.map(async (path) => {
    const hash = createHash("sha256").update(await readFile(path));
    return [relative(folder, path), hash.digest("hex")] as const;
  });
  return new Map(await Promise.all(hashes));
}

/** Runs a program of node_modules in the copy; rejects with what it printed when it complains. */
async function tool(name: string, ...args: string[]): Promise<string> {
  const command = [join(copy, "node_modules", ".bin", name), ...args];
  try {
    const { stdout } = await run(process.execPath, command, { cwd: copy, maxBuffer: 1e8 });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${name}:\n${stdout}\n${stderr}`, { cause: error });
  }
}

test("the page has the code of a whole plugin", async () => {
  const paths = codeOf(await readFile(PAGE, "utf8")).map(([path]) => path);
  expect(paths).toEqual([
    "plugins/poppassd/lines.ts",
    "plugins/poppassd/index.ts",
    REGISTRY,
    "test/plugins/poppassd.conformance.ts",
    "test/plugins/poppassd.test.ts",
    "docs/plugins/poppassd.md",
  ]);
});

test("it is formatted, compiles and is clean", async () => {
  const ours = codeOf(await readFile(PAGE, "utf8"))
    .map(([path]) => path)
    .filter((path) => path.endsWith(".ts"));
  await tool("oxfmt", REGISTRY);
  await tool("oxfmt", "--check", ...ours);
  await tool("tsc", "-p", ".");
  await tool("oxlint", "--type-aware", "--deny-warnings", ...ours);
});

test("it passes the suite on its server, and is found by all that ask the registry", async () => {
  await run(process.execPath, ["test/plugins/table-doc.ts"], { cwd: copy });
  // Without the databases of other tests, which this one needs not.
  const config = join(copy, "own.config.ts");
  const limit = 300_000;
  const include = ["plugins/registry.test.ts", "test/plugins/table.test.ts", "test/plugins/poppassd.test.ts"];
  const options = { include, testTimeout: limit, hookTimeout: limit, maxWorkers: 1, pool: "forks" };
  await writeFile(config, `export default ${JSON.stringify({ test: options })};\n`);
  const report = join(copy, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  await tool("vitest", "run", "--config", config, ...reporters);
  const { numPassedTests, numTotalTests } = JSON.parse(await readFile(report, "utf8")) as {
    numPassedTests: number;
    numTotalTests: number;
  };
  expect(numPassedTests).toBe(numTotalTests);
  expect(numTotalTests).toBeGreaterThan(20);
  expect(await readFile(join(copy, TABLE), "utf8")).toContain("| [`poppassd`](poppassd.md) |");
});

test("no other file changed than the registry, and the table that is written from it", async () => {
  const after = await filesOf(copy);
  const changed = [...after].filter(([path, hash]) => before.has(path) && before.get(path) !== hash);
  expect(changed.map(([path]) => path).toSorted()).toEqual([TABLE, REGISTRY]);
  const gone = [...before.keys()].filter((path) => !after.has(path));
  expect(gone).toEqual([]);
});
