/** When automatic changes may start. Pure; time zones and their changes come from the runtime's own tables. */
import type { Window, Windows } from "../../contracts/policy.ts";
import type { Trigger } from "../../contracts/states.ts";

/**
 * Clocks are put forward or back only at full quarters of an hour of universal time: also where the zone itself is half
 * an hour or three quarters off. Between two of them they show a new hour when their minutes are over.
 */
const QUARTER_MS = 900_000;
const MINUTE_MS = 60_000;
/** A window's one hour may be skipped on its day; then it is open a week later. */
const FARTHEST_MS = 15 * 86_400_000;

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/**
 * The first moment from `now` on at which an automatic change may start: `now` itself while its window is open.
 * An hour that the clocks skip is no part of a window, and one they show twice is open twice.
 * @param windows of the policy; `age` holds for the trigger age, `use` for view and session, none for all others
 * @throws RangeError when the runtime does not know the time zone; the API refuses such a policy
 */
export function windowOpensAt(windows: Windows, trigger: Trigger, now: Date): Date {
  const window = windowOf(windows, trigger);
  if (!window) return now;
  const last = now.getTime() + FARTHEST_MS;
  for (let at = now; at.getTime() < last;) {
    const { day, hour, minute } = readClock(windows.timeZone, at);
    if (window.days.includes(day) && window.hours.includes(hour)) return at;
    const time = at.getTime();
    const quarter = (Math.floor(time / QUARTER_MS) + 1) * QUARTER_MS;
    const newHour = (Math.floor(time / MINUTE_MS) + 60 - minute) * MINUTE_MS;
    at = new Date(Math.min(quarter, newHour));
  }
  // A window without days or hours, which the API refuses: it is looked at again then.
  return new Date(last);
}

function windowOf(windows: Windows, trigger: Trigger): Window | undefined {
  switch (trigger) {
    case "age":
      return windows.age;
    case "view":
    case "session":
      return windows.use;
    case "request":
    case "parent":
    case "reconcile":
    case "ephemeral":
      return undefined;
  }
}

/** Weekday (1 Monday to 7 Sunday), hour and minute there. */
function readClock(timeZone: string, at: Date): { day: number; hour: number; minute: number } {
  const read = { day: 0, hour: 0, minute: 0 };
  for (const { type, value } of clockOf(timeZone).formatToParts(at))
    if (type === "weekday") read.day = WEEKDAYS.indexOf(value) + 1;
    else if (type === "hour" || type === "minute") read[type] = Number(value);
  return read;
}

/** Made once per zone: making one takes far longer than asking it. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  clocks.set(timeZone, clock);
  return clock;
}
