import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Small files with scenes that take half a minute or longer: in turn one that computes and two that mostly wait. */
const LONG = [
  "interleavings.test.ts",
  "telnet.test.ts",
  "crashes.test.ts",
  "tk-expect.test.ts",
  "network-cli.test.ts",
  "volume.test.ts",
  "ssh-legacy.test.ts",
  "changes-telnet.test.ts",
  "hanging.test.ts",
  "ssh.test.ts",
  "changes-ssh.test.ts",
  "canary.test.ts",
  "linux.test.ts",
];

/**
 * Begins with the files that take long. Where Vitest has seen no run yet (a clean checkout) it begins with the largest
 * ones, and would leave these for the end, when nothing else is left to fill the time in which they wait.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONG.indexOf(basename(moduleId));
      return at < 0 ? LONG.length : at;
    };
    return sorted.toSorted((one, other) => place(one) - place(other));
  }
}
