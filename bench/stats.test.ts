import { expect, test } from "vitest";
import { percentile, spread } from "./stats.ts";

test("percentiles are values that occurred", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(spread(hundred)).toEqual({ p50: 50, p95: 95, p99: 99 });
  expect(percentile([7], 0.99)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});
