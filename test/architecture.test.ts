import { execFile } from "node:child_process";
import { copyFile, glob, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CHECKOUT } from "../scripts/engine/instance.ts";

/** Where the file stands, what stands in it, and the rule or message that refuses it; undefined: it is accepted. */
type Case = readonly [file: string, code: string, refusal?: string];

const value = (from: string) => `export { thing } from "${from}";`;
const type = (from: string) => `export type { Thing } from "${from}";`;
const lazy = (from: string) => `export const later = () => import("${from}");`;
const mixed = (from: string) =>
  `import { type Thing, thing } from "${from}";\nexport const used = thing;\nexport type Other = Thing;`;
const whole = (from: string) => `export * as things from "${from}";`;

const IMPORTS: readonly Case[] = [
  ["contracts/a.ts", value("../db/client.ts"), "contracts import nothing above themselves"],
  ["contracts/b.ts", value("fastify"), "contracts: zod and siblings only"],
  ["contracts/c.ts", value("node:crypto"), "contracts: zod and siblings only"],
  ["contracts/d.ts", value("zod-to-something"), "contracts: zod and siblings only"],
  ["contracts/e.ts", `${value("zod")}\n${whole("./other.ts")}`],
  ["workflows/a.ts", value("../activities/index.ts"), "activities: import type only"],
  ["workflows/b.ts", mixed("../activities/index.ts"), "activities: import type only"],
  ["workflows/deep/c.ts", lazy("../../activities/index.ts"), "activities: import type only"],
  ["workflows/d.ts", type("../activities/index.ts")],
  ["workflows/e.ts", value("zod"), "no zod in the isolate"],
  ["workflows/f.ts", value("../contracts/strength.schema.ts"), "schemas bring zod into the isolate: import type only"],
  ["workflows/g.ts", type("../contracts/strength.schema.ts")],
  ["workflows/h.ts", value("../db/client.ts"), "workflows import contracts only"],
  ["workflows/i.ts", whole("../plugins/plugin.ts"), "workflows import contracts only"],
  ["workflows/deep/j.ts", lazy("../../crypto/envelope.ts"), "workflows import contracts only"],
  ["workflows/k.ts", value("../worker.ts"), "workflows import contracts only"],
  ["workflows/l.ts", value("node:crypto"), "deterministic isolate"],
  ["workflows/m.ts", value("@temporalio/client"), "workflow package only"],
  ["workflows/n.ts", value("drizzle-orm/postgres-js"), "no runtime libraries in the isolate"],
  ["workflows/o.ts", value("ssh2"), "no runtime libraries in the isolate"],
  ["workflows/q.ts", value("mariadb"), "no runtime libraries in the isolate"],
  ["workflows/r.ts", value("oracledb"), "no runtime libraries in the isolate"],
  ["workflows/s.ts", value("tedious"), "no runtime libraries in the isolate"],
  ["workflows/t.ts", value("ldapts"), "no runtime libraries in the isolate"],
  ["workflows/p.ts", `${value("../contracts/ids.ts")}\n${whole("@temporalio/workflow")}`],
  ["plugins/a.ts", value("../db/client.ts"), "plugins: contracts and own folder"],
  ["plugins/b.ts", value("@temporalio/activity"), "plugins do not know Temporal"],
  ["plugins/c.ts", value("drizzle-orm"), "plugins do not know our database"],
  ["plugins/registry.ts", `${value("./linux/index.ts")}\n${whole("./middleware/deadline.ts")}`],
  ["plugins/linux/a.ts", value("../../activities/index.ts"), "plugins: contracts and own folder"],
  ["plugins/linux/deep/b.ts", value("../../../crypto/envelope.ts"), "plugins: contracts and own folder"],
  ["plugins/linux/c.ts", value("@temporalio/activity"), "plugins do not know Temporal"],
  ["plugins/linux/d.ts", value("postgres"), "plugins do not know our database"],
  ["plugins/linux/e.ts", value("../registry.ts"), "the registry knows the plugins, not the other way round"],
  ["plugins/ssh/j.ts", `${value("../terminal/engine.ts")}\n${whole("../../templates/language/script.ts")}`],
  ["templates/language/a.ts", value("../../plugins/plugin.ts"), "templates: contracts only"],
  ["templates/language/b.ts", value("@temporalio/client"), "templates do not know Temporal"],
  ["templates/language/c.ts", value("ssh2"), "templates are text: nothing is reached from here"],
  ["templates/language/d.ts", `${value("../../contracts/secret.ts")}\n${whole("./script.ts")}`],
  [
    "plugins/linux/h.ts",
    `${value("../plugin.ts")}\n${whole("ssh2")}\nexport { other } from "../../contracts/errors.ts";`,
  ],
  ["crypto/a.ts", value("../db/client.ts"), "crypto: contracts only"],
  ["crypto/b.ts", value("@temporalio/client"), "crypto does not know Temporal"],
  ["crypto/c.ts", value("pg"), "crypto: node:crypto only"],
  ["crypto/d.ts", `${value("node:crypto")}\n${whole("../contracts/strength.ts")}`],
  ["db/a.ts", value("../crypto/envelope.ts"), "db is a leaf"],
  ["db/queries/b.ts", value("../../api/app.ts"), "db is a leaf"],
  ["db/c.ts", value("../config/env.ts"), "db gets its address from the caller"],
  ["db/d.ts", value("@temporalio/client"), "db does not know Temporal"],
  ["db/e.ts", value("pg"), "db: drizzle-orm and postgres only"],
  ["db/queries/f.ts", `${value("drizzle-orm")}\n${whole("../../contracts/states.ts")}`],
  ["config/a.ts", value("../db/client.ts"), "config: contracts only"],
  ["config/b.ts", `${value("../contracts/ids.ts")}\nexport const home = process.env["HOME"];`],
  ["activities/a.ts", value("../api/app.ts"), "activities never look up"],
  ["activities/b.ts", value("../config/env.ts"), "activities never look up"],
  ["activities/c.ts", value("../plugins/linux/index.ts"), "activities reach plugins by the registry only"],
  ["activities/d.ts", value("@temporalio/workflow"), "activities: @temporalio/activity, client, common"],
  ["activities/e.ts", value("postgres"), "activities open no connection"],
  ["activities/f.ts", `${value("../plugins/registry.ts")}\n${whole("../db/client.ts")}`],
  ["api/a.ts", value("../activities/index.ts"), "api starts workflows, it does not do work"],
  ["api/routes/b.ts", value("../../config/env.ts"), "api starts workflows, it does not do work"],
  ["api/c.ts", value("../plugins/registry.ts"), "api reaches no plugin"],
  ["api/routes/d.ts", lazy("../../plugins/linux/index.ts"), "api reaches no plugin"],
  ["api/e.ts", value("../workflows/index.ts"), "workflows: import type only"],
  ["api/f.ts", type("../workflows/index.ts")],
  ["api/g.ts", value("@temporalio/worker"), "api: @temporalio/client only"],
  ["api/routes/h.ts", value("postgres"), "api reaches the database by db/ only"],
  ["api/routes/i.ts", `${value("../plugins/auth.ts")}\n${whole("../../db/client.ts")}`],
  ["api/server.ts", `${value("../config/env.ts")}\n${whole("../plugins/registry.ts")}`],
  ["cli/a.ts", value("../db/client.ts"), "the command line speaks only HTTP"],
  ["cli/commands/b.ts", value("@temporalio/client"), "no Temporal in the command line"],
  ["cli/c.ts", value("drizzle-orm"), "no server library in the command line"],
  ["cli/d.ts", `${value("commander")}\n${whole("../contracts/states.ts")}`],
  ["bench/a.ts", value("../activities/index.ts"), "a bench measures from outside"],
  ["bench/b.ts", `${value("../cli/client.ts")}\n${whole("../scripts/engine/postgres.ts")}`],
  ["scripts/a.ts", value("../api/app.ts"), "scripts start processes, they do not take over their work"],
  ["scripts/supervisor/b.ts", `${value("../../db/migrate.ts")}\n${whole("../engine/postgres.ts")}`],
  ["scripts/c.test.ts", value("../test/helpers/database.ts")],
  ["worker.ts", `${value("./activities/index.ts")}\n${whole("./plugins/registry.ts")}`],
];

/** The entry points stand alone in their folder: their violations are planted in a second tree. */
const ENTRIES: readonly Case[] = [
  ["api/server.ts", value("../activities/index.ts"), "the entry point of the api wires the api, nothing else"],
  ["worker.ts", value("./workflows/index.ts"), "the worker names the workflows by path, it does not import them"],
];
const ENTRIES_AGAIN: readonly Case[] = [
  ["api/server.ts", value("../plugins/linux/index.ts"), "the entry point reads the registry only"],
  ["worker.ts", value("./api/app.ts"), "the worker wires the worker, nothing else"],
];
const ENTRIES_ONCE_MORE: readonly Case[] = [
  ["worker.ts", value("./plugins/linux/index.ts"), "the worker reads the registry only"],
];

const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => `export const n${index} = ${index};`).join("\n");
const statements = (count: number) => Array.from({ length: count }, () => "  counter += 1;").join("\n");

const HABITS: readonly Case[] = [
  ["db/floating.ts", "export function a() {\n  Promise.resolve(1);\n}", "no-floating-promises"],
  ["db/awaited.ts", "export async function a() {\n  await Promise.resolve(1);\n}"],
  ["db/misused.ts", "export const a = [1].filter(async (n) => n > 1);", "no-misused-promises"],
  ["db/any.ts", "export const a = (b: any) => String(b);", "no-explicit-any"],
  ["db/unknown.ts", "export const a = (b: unknown) => typeof b;"],
  ["db/thrown.ts", 'export function a() {\n  throw "text";\n}', "only-throw-error"],
  [
    "db/switched.ts",
    "export function a(b: 1 | 2) {\n  switch (b) {\n    case 1:\n      return 1;\n  }\n  return 0;\n}",
    "switch-exhaustiveness-check",
  ],
  ["db/imported.ts", 'import { Agent } from "node:http";\nexport type A = Agent;', "consistent-type-imports"],
  ["db/one.ts", 'import { two } from "./two.ts";\nexport const one = () => two();', "no-cycle"],
  ["db/two.ts", 'import { one } from "./one.ts";\nexport const two = (): unknown => one();', "no-cycle"],
  ["db/default.ts", "export default 1;", "no-default-export"],
  ["some.config.ts", "export default 1;"],
  ["db/environment.ts", 'export const a = process.env["HOME"];', "no-process-env"],
  ["scripts/environment.ts", 'export const a = process.env["HOME"];'],
  ["db/printed.ts", 'console.log("a");', "no-console"],
  ["bench/printed.ts", 'console.log("a");'],
  ["db/CamelCase.ts", "export const a = 1;", "filename-case"],
  ["db/long.ts", lines(251), "max-lines"],
  ["db/fitting.ts", lines(250)],
  [
    "db/long-function.ts",
    `export function a(b: number) {\n  let counter = b;\n${statements(60)}\n  return counter;\n}`,
    "max-lines-per-function",
  ],
  ["db/long.test.ts", lines(251)],
];

interface Diagnostic {
  message: string;
  code: string;
  filename: string;
  help?: string;
}

/** Lints a tree of only these files under our configuration. */
async function lint(cases: readonly Case[]): Promise<Diagnostic[]> {
  const root = await mkdtemp(join(tmpdir(), "keyturn-architecture-"));
  try {
    for (const name of [".oxlintrc.json", "tsconfig.json"]) await copyFile(join(CHECKOUT, name), join(root, name));
    await symlink(join(CHECKOUT, "node_modules"), join(root, "node_modules"));
    for (const [file, code] of cases) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), `${code}\n`);
    }
    const output = await new Promise<string>((resolve) => {
      const oxlint = join(CHECKOUT, "node_modules/.bin/oxlint");
      execFile(oxlint, ["--type-aware", "-f", "json"], { cwd: root, maxBuffer: 1e8 }, (_, stdout) => resolve(stdout));
    });
    return (JSON.parse(output) as { diagnostics: Diagnostic[] }).diagnostics;
  } finally {
    await rm(root, { recursive: true });
  }
}

function verify(diagnostics: readonly Diagnostic[], [file, , refusal]: Case): void {
  const found = diagnostics.filter(({ filename }) => filename === file);
  if (refusal === undefined) expect(found).toEqual([]);
  else expect(found.map(({ code, message, help }) => `${code} ${message} ${help}`).join("\n")).toContain(refusal);
}

describe.for([
  ["imports between folders", IMPORTS],
  ["imports of entry points", ENTRIES],
  ["imports of entry points, continued", ENTRIES_AGAIN],
  ["imports of entry points, the rest", ENTRIES_ONCE_MORE],
  ["habits", HABITS],
] as const)("%s", ([, cases]) => {
  let diagnostics: Diagnostic[];
  beforeAll(async () => {
    diagnostics = await lint(cases);
  });

  test.for(cases.filter(([, , refusal]) => refusal !== undefined))("refused: %s %s", (planted) => {
    verify(diagnostics, planted);
  });
  test.for(cases.filter(([, , refusal]) => refusal === undefined))("accepted: %s %s", (planted) => {
    verify(diagnostics, planted);
  });
});

test("each rule about imports has a planted violation", async () => {
  const config = await readFile(join(CHECKOUT, ".oxlintrc.json"), "utf8");
  const messages = [...config.matchAll(/"message": "([^"]+)"/g)].map(([, message]) => message);
  const planted = new Set(
    [...IMPORTS, ...ENTRIES, ...ENTRIES_AGAIN, ...ENTRIES_ONCE_MORE].map(([, , refusal]) => refusal),
  );
  expect(messages.filter((message) => !planted.has(message))).toEqual([]);
});

/** The folders beside the plugins' that all of them may use. */
const SHARED = new Set(["terminal", "secure-shell", "tls", "statements", "virtual-terminal"]);

/** The sibling plugins that a file of a plugin imports. A lint rule would have to be told of each new plugin. */
function siblings(file: string, code: string): string[] {
  const [, own] = file.split("/");
  return [...code.matchAll(/(?:from|import)\s*\(?\s*"(\.\.?\/[^"]+)"/g)]
    .map(([, to = ""]) => join(dirname(file), to).split("/"))
    .filter(
      ([top, folder = "", ...rest]) => top === "plugins" && rest.length > 0 && folder !== own && !SHARED.has(folder),
    )
    .map(([, folder = ""]) => folder);
}

test("no plugin knows another", async () => {
  expect(siblings("plugins/linux/f.ts", value("../postgresql/scram.ts"))).toEqual(["postgresql"]);
  expect(siblings("plugins/postgresql/deep/g.ts", lazy("../../linux/session.ts"))).toEqual(["linux"]);
  expect(siblings("plugins/ssh/a.ts", `${value("../terminal/engine.ts")}\n${whole("../plugin.ts")}`)).toEqual([]);
  // A plugin's own test may put the middleware around it, as the registry does.
  for await (const file of glob("plugins/*/**/!(*.test).ts", { cwd: CHECKOUT }))
    expect(siblings(file, await readFile(join(CHECKOUT, file), "utf8")), file).toEqual([]);
});

test("code files are small: the lint stops at 250 lines of code, the median stays below 100 lines", async () => {
  const sizes: number[] = [];
  const folders = "{activities,api,bench,cli,config,contracts,crypto,db,plugins,scripts,templates,workflows}/**/*.ts";
  for await (const file of glob([folders, "worker.ts"], { cwd: CHECKOUT }))
    if (!file.endsWith(".test.ts")) sizes.push((await readFile(join(CHECKOUT, file), "utf8")).split("\n").length - 1);
  const median = sizes.toSorted((a, b) => a - b)[Math.floor(sizes.length / 2)];
  expect(sizes.length).toBeGreaterThan(50);
  expect(median).toBeLessThan(100);
});
