import { expect, test } from "vitest";
import { freePort } from "./ports.ts";

test("nobody gets a port that another was given, whether its server listens already or not", async () => {
  // So many at random would hold several twice.
  const ports = await Promise.all(Array.from({ length: 500 }, freePort));
  expect(new Set(ports).size).toBe(ports.length);
});
