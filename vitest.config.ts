import { configDefaults, defineConfig } from "vitest/config";

/** What a test on real servers may take. Long ones belong to test/full. */
const LIMIT_MS = 120_000;
const servers = {
  globalSetup: ["test/helpers/global-setup.ts"],
  testTimeout: LIMIT_MS,
  hookTimeout: LIMIT_MS,
};

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    execArgv: ["--import", "./scripts/fast-imports.mjs"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...configDefaults.exclude, "test/**", ".keyturn/**"],
        },
      },
      {
        extends: true,
        test: { name: "integration", include: ["test/**/*.test.ts"], exclude: ["test/full/**"], ...servers },
      },
      {
        extends: true,
        test: { name: "full", include: ["test/full/**/*.test.ts"], ...servers, testTimeout: 40 * 60_000 },
      },
    ],
  },
});
