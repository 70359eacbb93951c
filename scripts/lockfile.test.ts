import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKOUT } from "./engine/instance.ts";
import { completeLockfile, lockfileProblems, type Lockfile } from "./lockfile.ts";

const gap: Lockfile = {
  packages: {
    "": {},
    "node_modules/tool": {
      version: "1.0.0",
      resolved: "https://packages.invalid/tool.tgz",
      optionalDependencies: { "@tool/darwin-arm64": "1.0.0", "@tool/linux-x64": "1.0.0", nested: "1.0.0" },
    },
    "node_modules/@tool/linux-x64": { version: "1.0.0" },
    "node_modules/tool/node_modules/nested": { version: "1.0.0" },
  },
};

test("a missing build and an address are found and mended", () => {
  expect(lockfileProblems(gap)).toEqual([
    'node_modules/tool names the address it came from ("resolved").',
    "node_modules/@tool/darwin-arm64 is missing.",
  ]);
  const mended = completeLockfile(gap);
  expect(lockfileProblems(mended)).toEqual([]);
  expect(mended.packages["node_modules/@tool/darwin-arm64"]).toEqual({
    version: "1.0.0",
    optional: true,
    os: ["darwin"],
    cpu: ["arm64"],
  });
});

test("the committed lockfile is complete", async () => {
  const lock = JSON.parse(await readFile(join(CHECKOUT, "package-lock.json"), "utf8")) as Lockfile;
  expect(lockfileProblems(lock)).toEqual([]);
});
