import { defineConfig } from "vitest/config";
import { LongFirst } from "./test/helpers/long-first.ts";

/**
 * What a test on real servers may take: minutes where it takes seconds, on a machine that others slow down several times. How
 * long it should take is for bench/ to say.
 */
const LIMIT_MS = 600_000;
/** How long `expect.poll` goes on asking there, where nothing else is said. */
const POLL_MS = 60_000;
const servers = {
  globalSetup: ["test/helpers/global-setup.ts"],
  testTimeout: LIMIT_MS,
  hookTimeout: LIMIT_MS,
  expect: { poll: { timeout: POLL_MS } },
};

/** Tests of the whole checkout that need no server. */
const CHECKOUT_TESTS = [
  "test/architecture.test.ts",
  "test/workflow-bundle.test.ts",
  "test/compose.test.ts",
  "test/parity.test.ts",
  "test/templates/*.test.ts",
];

export default defineConfig({
  test: {
    pool: "forks",
    // One more than a small machine has cores: much of their time these tests wait, for leases and for devices.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    reporters: ["default", "./test/plugins/table-reporter.ts"],
    execArgv: ["--import", "./scripts/fast-imports.mjs"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["!(test|node_modules|.keyturn)/**/*.test.ts", ...CHECKOUT_TESTS],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/**/*.test.ts"],
          exclude: ["test/full/**", ...CHECKOUT_TESTS],
          ...servers,
        },
      },
      {
        extends: true,
        test: { name: "full", include: ["test/full/**/*.test.ts"], ...servers, testTimeout: 40 * 60_000 },
      },
    ],
  },
});
