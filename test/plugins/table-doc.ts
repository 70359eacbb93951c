/** Writes docs/plugins/README.md from the registry and the plugins' entries: `node test/plugins/table-doc.ts`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CHECKOUT } from "../../scripts/engine/instance.ts";
import { CASES, type CaseName } from "./conformance-cases.ts";
import { type Row, serverOf, tableRows } from "./table.ts";

export const PLUGINS_DOC = join(CHECKOUT, "docs", "plugins", "README.md");

const INTRODUCTION = `# Plugins

Made from the registry and \`test/plugins/*.conformance.ts\` by \`node test/plugins/table-doc.ts\`; a test compares them.
\`npm test\` prints the same table from what it has just run.

Every plugin passes one suite, \`test/plugins/conformance.ts\`, on a real server. **+** stands for a case that runs, a number
for one that the protocol cannot have, with the reason below. A plugin without a server is experimental: its statements
and its reading of errors are tested at the driver's boundary, and no real server has proven it yet.
`;

/** The text of docs/plugins/README.md. */
export function renderPlugins(rows: readonly Row[]): string {
  const cases = Object.entries(CASES) as [CaseName, string][];
  const reasons: string[] = [];
  const cell = (reason: string | undefined) => {
    if (reason === undefined) return "+";
    if (!reasons.includes(reason)) reasons.push(reason);
    return `<sup>${reasons.indexOf(reason) + 1}</sup>`;
  };
  const lines = rows.map((row) => {
    const cells = cases.map(([name]) => (row.entry ? cell(row.entry.leftOut?.[name]) : ""));
    return `| [\`${row.kind}\`](${row.kind}.md) | ${row.title} | ${serverOf(row)} | ${cells.join(" | ")} |`;
  });
  const letters = cases.map((_, index) => String.fromCodePoint("a".charCodeAt(0) + index));
  return [
    INTRODUCTION,
    `| plugin | for | real server | ${letters.join(" | ")} |`,
    `|---|---|---|${letters.map(() => ":-:|").join("")}`,
    ...lines,
    "",
    "## The cases",
    "",
    ...cases.map(([name, meaning], index) => `- **${letters[index]}** \`${name}\`: ${meaning}`),
    "",
    "## Left out, because",
    "",
    ...reasons.map((reason, index) => `${index + 1}. ${reason}`),
    "",
  ].join("\n");
}

if (import.meta.main) await writeFile(PLUGINS_DOC, renderPlugins(await tableRows()));
