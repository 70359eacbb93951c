import { expect, test } from "vitest";
import { pausesMs } from "./scripts.ts";

const sleeping = (...seconds: string[]) => ({
  script: { commands: seconds.map((text, index) => ({ name: "sleep", args: [[text]], line: index + 1 })) },
  values: {},
});

test("a template's own pauses are added to its time, up to a minute", () => {
  expect(pausesMs(undefined)).toBe(0);
  expect(pausesMs(sleeping("2", "0.5"))).toBe(2500);
  expect(pausesMs(sleeping("2", "many", "-1"))).toBe(2000);
  expect(pausesMs(sleeping("50", "50"))).toBe(60_000);
});
