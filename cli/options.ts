/** What options may hold; anything else ends the command with the option's name and the rule. */
import { InvalidArgumentError } from "commander";

/** @returns ISO 8601 with zone @throws InvalidArgumentError for anything that is not a moment */
export function moment(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new InvalidArgumentError("Write a time such as 2030-01-31T22:00:00+01:00.");
  return date.toISOString();
}

/** @throws InvalidArgumentError for anything but a whole number above 0 */
export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It is not a whole number above 0.");
  return Number(text);
}

/** @throws InvalidArgumentError for anything but a whole number */
export function count(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It is not a whole number.");
  return Number(text);
}

/** @throws InvalidArgumentError for anything that is not an operation's code */
export function operationCode(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("An operation's code is a whole number.");
  return Number(text);
}

/** Gathers codes. */
export function operationCodes(text: string, before: readonly number[] = []): number[] {
  return [...before, operationCode(text)];
}

const UNITS: Readonly<Record<string, number>> = { m: 1, h: 60, d: 1440, w: 10_080 };

/** @returns minutes */
export function duration(text: string): number {
  const [, number, unit = "m"] = /^(\d{1,7})([mhdw])?$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError("Write a time such as 90m, 12h, 30d or 2w.");
  return Number(number) * (UNITS[unit] ?? 1);
}

/** @returns minutes; `none` as it stands, since commander takes null for an option without a value */
export function durationOrNone(text: string): number | "none" {
  return text === "none" ? text : duration(text);
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/** Reads a list of numbers and ranges, such as `1-3,7`. */
function ranges(text: string, read: (one: string) => number | undefined, hint: string): number[] {
  const numbers = text.split(",").flatMap((part) => {
    const [from, to, ...rest] = part.trim().split("-").map(read);
    if (from === undefined || rest.length > 0) throw new InvalidArgumentError(hint);
    const last = part.includes("-") ? to : from;
    if (last === undefined || last < from) throw new InvalidArgumentError(hint);
    return Array.from({ length: last - from + 1 }, (_, index) => from + index);
  });
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

/** @returns 1 Monday to 7 Sunday */
export function weekdays(text: string): number[] {
  const read = (word: string) => {
    const place = DAYS.indexOf(word.trim().toLowerCase().slice(0, 3)) + 1;
    return place > 0 ? place : /^[1-7]$/.test(word) ? Number(word) : undefined;
  };
  return ranges(text, read, "Write weekdays such as mon-fri or sat,sun.");
}

/** @returns 0 to 23 */
export function hours(text: string): number[] {
  const read = (word: string) => (/^(\d|1\d|2[0-3])$/.test(word) ? Number(word) : undefined);
  return ranges(text, read, "Write hours such as 0-5,22,23.");
}

/** Gathers an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Gathers an option that may be repeated and takes only certain words. */
export function collectOf(choices: readonly string[]): (value: string, before?: readonly string[]) => string[] {
  return (value, before = []) => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(", ")}.`);
    return [...before, value];
  };
}
