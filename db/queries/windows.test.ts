import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Window } from "../../contracts/policy.ts";
import { windowOpensAt } from "./windows.ts";

const DAILY = [1, 2, 3, 4, 5, 6, 7];

function opens(timeZone: string, window: Window, now: string): string {
  return windowOpensAt({ timeZone, age: window }, "age", new Date(now)).toISOString();
}

describe("windowOpensAt", () => {
  it("is now while the window is open, to its last millisecond", () => {
    const night: Window = { days: DAILY, hours: [22, 23] };
    expect(opens("UTC", night, "2026-11-25T23:59:59.999Z")).toBe("2026-11-25T23:59:59.999Z");
    expect(opens("UTC", night, "2026-11-26T00:00:00.000Z")).toBe("2026-11-26T22:00:00.000Z");
  });

  it("takes the window of the trigger, and none for what a person or another operation asked for", () => {
    const now = new Date("2026-11-25T12:00:00Z");
    const windows = {
      timeZone: "UTC",
      age: { days: DAILY, hours: [13] },
      use: { days: DAILY, hours: [14] },
    };
    const hour = (trigger: Parameters<typeof windowOpensAt>[1]) => windowOpensAt(windows, trigger, now).getUTCHours();
    expect([hour("age"), hour("view"), hour("session")]).toEqual([13, 14, 14]);
    expect([hour("request"), hour("parent"), hour("reconcile"), hour("ephemeral")]).toEqual([12, 12, 12, 12]);
    expect(windowOpensAt({ timeZone: "UTC" }, "age", now)).toBe(now);
  });

  it("counts weekdays where the accounts are", () => {
    // Sunday evening in São Paulo is Monday in Tokyo.
    const monday: Window = { days: [1], hours: Array.from({ length: 24 }, (_, hour) => hour) };
    expect(opens("Asia/Tokyo", monday, "2026-11-29T22:00:00Z")).toBe("2026-11-29T22:00:00.000Z");
    expect(opens("America/Sao_Paulo", monday, "2026-11-29T22:00:00Z")).toBe("2026-11-30T03:00:00.000Z");
  });

  // [zone, weekday and hour of the window, now, when it opens]
  it.each<[string, number, number, string, string]>([
    // Clocks forward: the hour does not exist that day, so the window is open a week later.
    ["Europe/Berlin", 7, 2, "2026-03-28T12:00:00Z", "2026-04-05T00:00:00.000Z"],
    ["America/New_York", 7, 2, "2026-03-07T12:00:00Z", "2026-03-15T06:00:00.000Z"],
    // Forward at midnight: the day begins at one.
    ["Africa/Cairo", 5, 0, "2026-04-23T12:00:00Z", "2026-04-30T21:00:00.000Z"],
    ["Africa/Cairo", 5, 1, "2026-04-23T12:00:00Z", "2026-04-23T22:00:00.000Z"],
    // Clocks back: the hour is there twice; a window closed by the first is not opened by its end.
    ["Europe/Berlin", 7, 2, "2026-10-24T12:00:00Z", "2026-10-25T00:00:00.000Z"],
    ["Europe/Berlin", 7, 2, "2026-10-25T01:59:00Z", "2026-10-25T01:59:00.000Z"],
    ["Europe/Berlin", 7, 3, "2026-10-25T00:30:00Z", "2026-10-25T02:00:00.000Z"],
    ["America/New_York", 7, 1, "2026-11-01T06:30:00Z", "2026-11-01T06:30:00.000Z"],
    // Zones off the full hour, and the one whose summer is half an hour.
    ["Asia/Kolkata", 4, 9, "2026-11-25T12:00:00Z", "2026-11-26T03:30:00.000Z"],
    ["Asia/Kathmandu", 4, 9, "2026-11-25T12:00:00Z", "2026-11-26T03:15:00.000Z"],
    ["Australia/Lord_Howe", 7, 2, "2026-10-03T12:00:00Z", "2026-10-03T15:30:00.000Z"],
    ["Australia/Lord_Howe", 7, 1, "2026-04-04T14:50:00Z", "2026-04-04T14:50:00.000Z"],
    ["Pacific/Chatham", 7, 3, "2026-09-26T12:00:00Z", "2026-09-26T14:00:00.000Z"],
    ["America/St_Johns", 7, 2, "2026-03-08T04:00:00Z", "2026-03-15T04:30:00.000Z"],
    // A fixed offset, to the minute.
    ["+05:37", 4, 9, "2026-11-25T12:00:00Z", "2026-11-26T03:23:00.000Z"],
  ])("%s, weekday %i, hour %i, from %s", (timeZone, day, hour, now, expected) => {
    expect(opens(timeZone, { days: [day], hours: [hour] }, now)).toBe(expected);
  });

  it("refuses a zone that is none", () => {
    expect(() => opens("Europe/Atlantis", { days: DAILY, hours: [1] }, "2026-11-25T12:00:00Z")).toThrow(RangeError);
  });

  it("gives a moment in the window, and no minute before it is in the window", () => {
    const zones = [
      "UTC",
      "Europe/Berlin",
      "America/New_York",
      "America/St_Johns",
      "Asia/Kathmandu",
      "Australia/Lord_Howe",
      "Pacific/Chatham",
      "Pacific/Apia",
      "Africa/Casablanca",
      "America/Sao_Paulo",
      "-07:49",
    ];
    const run = fc.record({
      timeZone: fc.constantFrom(...zones),
      days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      hours: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1 }),
      now: fc.date({ min: new Date("2024-01-01"), max: new Date("2037-01-01"), noInvalidDate: true }),
    });
    fc.assert(
      fc.property(run, ({ timeZone, days, hours, now }) => {
        const isOpen = wallClock(timeZone, { days, hours });
        const opensAt = windowOpensAt({ timeZone, age: { days, hours } }, "age", now);
        expect(isOpen(opensAt)).toBe(true);
        for (let at = now.getTime(); at < opensAt.getTime(); at += 60_000) expect(isOpen(new Date(at))).toBe(false);
      }),
      { numRuns: 60 },
    );
  });
});

/** Another way to read the clock than the one under test: through the zone's offset. */
function wallClock(timeZone: string, window: Window): (at: Date) => boolean {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  const offsets = new Map<number, number>();
  const offsetAt = (at: Date): number => {
    const quarter = Math.floor(at.getTime() / 900_000);
    const known = offsets.get(quarter);
    if (known !== undefined) return known;
    const name = format.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes] = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(name) ?? [];
    const offset = (sign === "-" ? -1 : 1) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
    offsets.set(quarter, offset);
    return offset;
  };
  return (at) => {
    const local = new Date(at.getTime() + offsetAt(at));
    return window.days.includes(local.getUTCDay() || 7) && window.hours.includes(local.getUTCHours());
  };
}
