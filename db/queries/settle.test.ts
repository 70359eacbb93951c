import { describe, expect, test } from "vitest";
import { Settings } from "../../contracts/settings.schema.ts";
import { decide } from "./settle.ts";

const settings = Settings.parse({ attempts: 3, intervalMinutes: 5 });

describe("after a failed attempt", () => {
  test.each([
    ["change-password", "target.timeout", 1, 5],
    ["change-password", "target.timeout", 3, undefined],
    ["change-password", "auth.rejected", 1, undefined],
    ["group-creation", "target.timeout", 2, 5],
    ["group-creation", "job.unverified", 1, undefined],
    ["group-creation", "target.timeout", 3, undefined],
  ] as const)(
    "of a %s that ended with %s, number %i of three: the next in %s",
    (kind, reason, runAttempts, minutes) => {
      expect(decide({ kind, runAttempts, refusals: 0 }, reason, settings)?.delayMinutes).toBe(minutes);
    },
  );

  test("of a removal there is always another, whatever happened, at most an hour later", () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((runAttempts) => {
      const operation = { kind: "ephemeral-credential-removal", runAttempts, refusals: 0 } as const;
      const next = decide(operation, "auth.rejected", settings);
      expect(decide(operation, "job.unverified", settings)).toEqual(next);
      return next?.delayMinutes;
    });
    expect(delays).toEqual([5, 5, 5, 10, 20, 40, 60, 60, 60]);
  });

  test("of a removal the pauses grow also where there is none between the usual ones", () => {
    const none = Settings.parse({ attempts: 2, intervalMinutes: 0 });
    const next = (runAttempts: number) =>
      decide({ kind: "ephemeral-credential-removal", runAttempts, refusals: 0 }, "target.timeout", none)?.delayMinutes;
    expect([1, 2, 3, 4].map(next)).toEqual([0, 1, 2, 4]);
  });
});
