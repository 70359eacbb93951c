import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Small files with scenes that take half a minute or longer. */
const LONG = new Set([
  "policies-age.test.ts",
  "interleavings.test.ts",
  "crashes.test.ts",
  "volume.test.ts",
  "hanging.test.ts",
  "canary.test.ts",
  "network-cli.test.ts",
  "telnet.test.ts",
  "tk-expect.test.ts",
  "ssh.test.ts",
  "ssh-legacy.test.ts",
  "linux.test.ts",
  "changes-ssh.test.ts",
  "changes-telnet.test.ts",
]);

/**
 * Begins with the files that take long. Where Vitest has seen no run yet (a clean checkout) it begins with the largest
 * ones, and would leave these for the end, when nothing else is left to fill the time in which they wait.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONG.has(basename(moduleId));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}
