/**
 * `npm test`: installs the Debian packages the tests need, runs them, and ends with one line that counts them.
 * Arguments are Vitest's; `--full` runs the long ones of test/full instead.
 */
import { parseCLI, startVitest, type TestCase, type Vitest } from "vitest/node";
import { installMissingPackages } from "./debian-packages.ts";

const given = process.argv.slice(2);
const isFull = given.includes("--full");
const isCi = Boolean(process.env["CI"]) && process.env["CI"] !== "false";

installMissingPackages();
const { filter, options } = parseCLI(["vitest", "run", ...given.filter((argument) => argument !== "--full")]);
const project = isFull ? ["full"] : ["unit", "integration"];
const vitest = await startVitest(filter, { project, passWithNoTests: isFull, ...options, watch: false, run: true });
await vitest.close();
const isClean = report(vitest);
// Vitest's own verdict counts too: an error outside of any test fails the run.
process.exit(isClean && !process.exitCode ? 0 : 1);

/** Prints what was skipped, and the count alone on the last line. True when nothing speaks against the run. */
function report(run: Vitest): boolean {
  const modules = run.state.getTestModules();
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const having = (state: string) => tests.filter((test) => test.result().state === state);
  const skipped = tests.filter((test) => !["passed", "failed"].includes(test.result().state));
  // A file that could not be loaded has no tests that could fail.
  const broken = modules.filter((module) => module.errors().length > 0).length + run.state.getUnhandledErrors().length;
  const failed = having("failed").length + broken;
  if (skipped.length > 0) console.log(`Skipped${isCi ? ", which counts as a failure in CI" : ""}:`);
  for (const test of skipped) console.log(`  ${test.fullName}${reasonOf(test)}`);
  console.log(`${having("passed").length} passed, ${failed} failed, ${skipped.length} skipped`);
  return failed === 0 && !(isCi && skipped.length > 0);
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note ? `: ${result.note}` : "";
}
