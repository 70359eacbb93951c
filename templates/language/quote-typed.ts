/**
 * What is typed into a session. Where a line is surely a shell's, values are quoted by POSIX.1-2017, Shell Command
 * Language, 2.2, and always with single quotes, in which the history expansion of an interactive bash does nothing too.
 */
import { CannotCarry } from "./cannot-carry.ts";
import { type Flat, MARK } from "./flat.ts";
import { type Quoter, quoterOf } from "./quoter.ts";
import type { TagName } from "./script.ts";
import { type ShellPlace, shellPlaces } from "./shell-places.ts";

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;
/** Needs no quotes in a POSIX shell, Windows' shells, an IOS-like CLI, SQL or `sed`, wherever it stands. */
const PLAIN = /^[\w.+=,:@%/-]*$/;
const ANSWER = new RegExp(`^[${MARK}:\\\\@/]*[\\r\\n]*$`);

/** Whether a typed text answers a prompt: it holds nothing but tags. */
export function isAnswer(flat: Flat): boolean {
  return ANSWER.test(flat.source);
}

/** What is typed for a value that answers a prompt. */
function typedAnswer(tag: TagName, value: string): string {
  if (CONTROL.test(value)) {
    throw new CannotCarry(tag, "holds a control character, which a terminal acts on");
  }
  return value;
}

function singleQuoted(value: string): string {
  return value.replaceAll("'", "'\\''");
}

/** What is typed for a value in a command line. Plain words stay as they are, for devices that are no POSIX shells. */
function typedWord(place: ShellPlace, tag: TagName, value: string): string {
  typedAnswer(tag, value);
  if (place.startsWord && value.startsWith("-")) {
    throw new CannotCarry(tag, "begins with a dash and would be taken for an option");
  }
  if (place.escaped && value === "") {
    throw new CannotCarry(tag, "is empty, and the character before it would take the one after it");
  }
  if (place.divided && value.includes("/")) {
    throw new CannotCarry(tag, "holds a slash beside others that divide a command of sed");
  }
  if (PLAIN.test(value)) {
    return value;
  }
  if (place.plainOnly) {
    throw new CannotCarry(tag, "holds a character that nobody can quote there: what reads it is not known for sure");
  }
  if (place.backslash && value.includes("\\")) {
    throw new CannotCarry(tag, "holds a backslash beside others that are meant as escapes");
  }
  switch (place.quote) {
    case "single":
      return singleQuoted(value);
    case "double":
      return `"'${singleQuoted(value)}'"`;
    case "none":
      return `'${singleQuoted(value)}'`;
  }
}

/** Puts values into a typed text. */
export function typedQuoter(flat: Flat): Quoter {
  return isAnswer(flat)
    ? quoterOf(new Map([...flat.tags.keys()].map((mark) => [mark, ""])), (_, tag, value) => typedAnswer(tag, value))
    : quoterOf(shellPlaces(flat), typedWord);
}
