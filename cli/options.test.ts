import { describe, expect, test } from "vitest";
import { duration, durationOrNone, hours, moment, weekdays } from "./options.ts";

describe("options", () => {
  test.each([
    ["90", 90],
    ["90m", 90],
    ["12h", 720],
    ["30d", 43_200],
    ["2w", 20_160],
    ["0", 0],
  ])("a duration of %s is %s minutes", (text, minutes) => {
    expect(duration(text)).toBe(minutes);
  });
  test("an optional one may be none", () => {
    expect([durationOrNone("none"), durationOrNone("1h")]).toEqual(["none", 60]);
  });
  test.each(["", "1y", "-1", "1.5h", "h", "none"])("%j is no duration", (text) => {
    expect(() => duration(text)).toThrow("90m");
  });

  test.each([
    ["mon-fri", [1, 2, 3, 4, 5]],
    ["sun,Saturday", [6, 7]],
    ["1,3-4,3", [1, 3, 4]],
  ])("weekdays %s are %j", (text, days) => {
    expect(weekdays(text)).toEqual(days);
  });
  test.each(["", "fri-mon", "0", "8", "mon-", "mon-tue-wed", "someday"])("%j are no weekdays", (text) => {
    expect(() => weekdays(text)).toThrow("mon-fri");
  });

  test.each([
    ["0-5,22,23", [0, 1, 2, 3, 4, 5, 22, 23]],
    ["7", [7]],
  ])("hours %s are %j", (text, numbers) => {
    expect(hours(text)).toEqual(numbers);
  });
  test.each(["", "24", "5-3", "1-", "x"])("%j are no hours", (text) => {
    expect(() => hours(text)).toThrow("0-5");
  });

  test("a moment keeps its zone's meaning", () => {
    expect(moment("2030-01-31T22:00:00+01:00")).toBe("2030-01-31T21:00:00.000Z");
    expect(() => moment("soon")).toThrow("2030");
  });
});
