/**
 * What is typed into a session. A command line may be a shell's: values are quoted by POSIX.1-2017, Shell Command
 * Language, 2.2, and always with single quotes, in which also the history expansion of an interactive bash does nothing.
 */
import { CannotCarry } from "./cannot-carry.ts";
import { type Flat, MARK } from "./flat.ts";
import { type Quoter, quoterOf } from "./quoter.ts";
import type { TagName } from "./script.ts";

/** Where in a shell's line a tag stands. */
interface ShellPlace {
  readonly quote: "none" | "single" | "double" | "other";
  /** Whether a word begins here. */
  readonly startsWord: boolean;
  /**
   * Whether quotes around the tag hold more than a plain word: what they hold may be read once more, by another shell
   * or a database, for which nobody can quote here.
   */
  readonly readAgain: boolean;
  /** Whether the quotes around the tag hold a backslash, which `echo -e` and `printf` would read. */
  readonly backslash: boolean;
  /** Whether they hold what looks like a command of `sed`, whose parts a slash divides. */
  readonly divided: boolean;
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/;
/** Needs no quotes in a POSIX shell, an IOS-like CLI, SQL or `sed`, wherever it stands. */
const SAFE = /^[\w.+=,:@%/-]*$/;
const ANSWER = new RegExp(`^[${MARK}:\\\\@/]*[\\r\\n]*$`);
const PLAIN_WORD = new RegExp(`^(?:[\\w./:@=,+${MARK}-]|\\\\[nrt])*$`);

/** Whether a typed text answers a prompt: it holds nothing but tags. */
export function isAnswer(flat: Flat): boolean {
  return ANSWER.test(flat.source);
}

interface Frame {
  readonly quote: ShellPlace["quote"];
  readonly close: string;
  readonly start: number;
  readonly marks: number[];
}

/** What a character opens in a frame; undefined when it opens nothing. */
function opened(
  source: string,
  index: number,
  frame: Frame,
): (Pick<Frame, "quote" | "close"> & { length: number }) | undefined {
  const char = source[index];
  if (frame.quote === "single" || (frame.quote === "other" && frame.close === "'")) {
    return undefined;
  }
  if (char === "$" && frame.quote !== "double" && source[index + 1] === "'") {
    return { quote: "other", close: "'", length: 2 };
  }
  if (char === "$" && (source[index + 1] === "(" || source[index + 1] === "{")) {
    const close = source[index + 1] === "(" ? ")" : "}";
    return { quote: close === ")" ? "none" : "other", close, length: 2 };
  }
  if (char === "`") {
    return { quote: "other", close: "`", length: 1 };
  }
  if (frame.quote === "double") {
    return undefined;
  }
  if (char === "(") return { quote: "none", close: ")", length: 1 };
  if (char === "'") return { quote: "single", close: "'", length: 1 };
  return char === '"' ? { quote: "double", close: '"', length: 1 } : undefined;
}

/** Where each tag of a command line stands, by the index of its mark. */
function shellPlaces(flat: Flat): Map<number, ShellPlace> {
  const { source } = flat;
  const places = new Map<number, ShellPlace>();
  const frames: Frame[] = [{ quote: "none", close: "", start: 0, marks: [] }];
  const leave = (frame: Frame, end: number) => {
    const inner = source.slice(frame.start, end);
    for (const mark of frame.marks) {
      const startsWord = frame.quote === "none" ? /^$|[\s;&|(<>]/.test(source[mark - 1] ?? "") : mark === frame.start;
      const quotes = frame.quote === "single" || frame.quote === "double";
      const readAgain = frame.quote === "other" || (quotes && !PLAIN_WORD.test(inner));
      places.set(mark, {
        quote: frame.quote,
        startsWord,
        readAgain,
        backslash: quotes && inner.includes("\\"),
        divided: /(?:^|[\s;'"{])[sy]\//.test(inner),
      });
    }
  };
  for (let index = 0; index < source.length; index += 1) {
    const frame = frames.at(-1) as Frame;
    if (flat.tags.has(index)) {
      frame.marks.push(index);
    } else if (source[index] === "\\" && frame.quote !== "single") {
      index += flat.tags.has(index + 1) ? 0 : 1;
    } else if (source[index] === frame.close) {
      leave(frame, index);
      frames.pop();
    } else {
      const inner = opened(source, index, frame);
      if (inner !== undefined) {
        index += inner.length - 1;
        frames.push({ quote: inner.quote, close: inner.close, start: index + 1, marks: [] });
      }
    }
  }
  for (const frame of frames) {
    leave(frame, source.length);
  }
  return places;
}

function singleQuoted(value: string): string {
  return value.replaceAll("'", "'\\''");
}

/** What is typed for a value that answers a prompt. */
function typedAnswer(tag: TagName, value: string): string {
  if (CONTROL.test(value)) {
    throw new CannotCarry(tag, "holds a control character, which a terminal acts on");
  }
  return value;
}

/** What is typed for a value in a command line. Plain words stay as they are, for devices that are no POSIX shells. */
function typedWord(place: ShellPlace, tag: TagName, value: string): string {
  typedAnswer(tag, value);
  if (place.startsWord && value.startsWith("-")) {
    throw new CannotCarry(tag, "begins with a dash and would be taken for an option");
  }
  if (place.divided && value.includes("/")) {
    throw new CannotCarry(tag, "holds a slash beside others that divide a command of sed");
  }
  if (SAFE.test(value)) {
    return value;
  }
  if (place.readAgain) {
    throw new CannotCarry(tag, "holds a character that may be read as a command inside of these quotes");
  }
  if (place.backslash && value.includes("\\")) {
    throw new CannotCarry(tag, "holds a backslash beside others that are meant as escapes");
  }
  if (place.quote === "single") {
    return singleQuoted(value);
  }
  return place.quote === "double" ? `"'${singleQuoted(value)}'"` : `'${singleQuoted(value)}'`;
}

/** Puts values into a typed text. */
export function typedQuoter(flat: Flat): Quoter {
  return isAnswer(flat)
    ? quoterOf(new Map([...flat.tags.keys()].map((mark) => [mark, ""])), (_, tag, value) => typedAnswer(tag, value))
    : quoterOf(shellPlaces(flat), typedWord);
}
