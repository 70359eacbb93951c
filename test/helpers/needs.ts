import { describe } from "vitest";
import { missingPackages, type DebianPackage } from "../../scripts/debian-packages.ts";

/**
 * `describe` for tests that need root and Debian packages. Without them they are skipped under a name that says what
 * is missing; the test script makes such a skip a failure in CI.
 */
export function describeAsRoot(name: string, packages: readonly DebianPackage[], tests: () => void): void {
  const missing = [...(process.getuid?.() === 0 ? [] : ["root"]), ...missingPackages(packages)];
  if (missing.length === 0) describe(name, tests);
  else describe.skip(`${name} (needs ${missing.join(", ")})`, tests);
}
