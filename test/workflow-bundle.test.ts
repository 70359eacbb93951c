import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { workflowBundle } from "../scripts/workflow-bundle.ts";

/** Temporal's own code is 500 KiB of it; zod alone would add three hundred. */
const CEILING_KIB = 620;
const FORBIDDEN = ["zod", "drizzle-orm", "postgres", "pg", "ssh2", "fastify", "pino"];

let state: string;
let bundle: string;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), "keyturn-bundle-"));
  bundle = await readFile(await workflowBundle({ state }), "utf8");
});
afterAll(() => rm(state, { recursive: true }));

test("the workflows' bundle stays small", () => {
  // Without the source map, which is as large again and is not run.
  const code = bundle.slice(0, bundle.indexOf("//# sourceMappingURL"));
  expect(code.length / 1024).toBeLessThan(CEILING_KIB);
  expect(code).toContain("workflows/index.ts");
});

test.for(FORBIDDEN)("%s is not inside", (name) => {
  expect(bundle).not.toContain(`node_modules/${name}/`);
});
