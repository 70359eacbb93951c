/** Prints the table of the plugins at the end of a run in which their suites were. */
import { basename } from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import type { CaseName } from "./conformance-cases.ts";
import { caseOf, type Outcome, printedTable, tableRows } from "./table.ts";

/** Vitest makes one of the module's default export. */
// oxlint-disable-next-line import/no-default-export -- what Vitest asks of a reporter that is named by its file
export default class TableReporter implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const results = new Map(modules.map((module) => [basename(module.moduleId, ".test.ts"), outcomesOf(module)]));
    const suites = new Map([...results].filter(([, outcomes]) => outcomes.size > 0));
    if (suites.size > 0) process.stdout.write(`\n${printedTable(await tableRows(), suites)}\n`);
  }
}

/** What became of each case: the worst of its tests. */
function outcomesOf(module: TestModule): Map<CaseName, Outcome> {
  const outcomes = new Map<CaseName, Outcome>();
  for (const test of module.children.allTests()) {
    const name = caseOf(test.name);
    if (name === undefined) continue;
    const { state } = test.result();
    const now: Outcome = state === "passed" || state === "failed" ? state : "skipped";
    const worst = (["failed", "skipped", "passed"] as const).find(
      (each) => each === now || each === outcomes.get(name),
    );
    outcomes.set(name, worst ?? now);
  }
  return outcomes;
}
