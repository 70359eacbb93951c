/** Prints the table of the plugins at the end of a run in which their suites were. */
import { basename } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import type { CaseName } from "./conformance-cases.ts";
import { caseOf, type Outcome, printedTable, tableRows } from "./table.ts";

type Outcomes = Map<CaseName, Outcome>;

/** Vitest makes one of the module's default export. */
// oxlint-disable-next-line import/no-default-export -- what Vitest asks of a reporter that is named by its file
export default class TableReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const found = modules.map((module) => [basename(module.moduleId, ".test.ts"), outcomesOf(module)] as const);
    const suites = found.filter(([, outcomes]) => outcomes.length > 0);
    if (suites.length === 0) return;
    const rows = await tableRows();
    const results = new Map<string, Outcomes>();
    for (const [name, outcomes] of suites) {
      // A second server of a plugin has a file of its own: `ldap-active-directory`.
      const kinds = rows.map(({ kind }) => kind).filter((kind) => `${name}-`.startsWith(`${kind}-`));
      const kind = kinds.toSorted((left, right) => right.length - left.length)[0];
      if (kind === undefined) continue;
      const worst = results.get(kind) ?? new Map<CaseName, Outcome>();
      for (const [one, outcome] of outcomes) worst.set(one, worse(outcome, worst.get(one)));
      results.set(kind, worst);
    }
    process.stdout.write(`\n${printedTable(rows, results)}\n`);
  }
}

/** What became of the tests of each case. */
function outcomesOf(module: TestModule): [CaseName, Outcome][] {
  return [...module.children.allTests()].flatMap((test): [CaseName, Outcome][] => {
    const name = caseOf(test.name);
    const { state } = test.result();
    return name === undefined ? [] : [[name, state === "passed" || state === "failed" ? state : "skipped"]];
  });
}

function worse(one: Outcome, other: Outcome = "passed"): Outcome {
  return (["failed", "skipped", "passed"] as const).find((each) => each === one || each === other) ?? one;
}
