import { complaint } from "./rules.ts";
import type { Complaint } from "./script.ts";

/** One argument as it stands in the line. */
export interface Word {
  /** Without its outer quotes; escapes as they stand. */
  readonly raw: string;
  /** Index of the first character of `raw` in the line. */
  readonly at: number;
  /** How it was enclosed. `braced` is Tcl's, in which nothing is an escape. */
  readonly form: "quoted" | "bare" | "braced";
}

interface Asked {
  readonly text: string;
  /** Index where the arguments begin. */
  readonly from: number;
  /** Most arguments: the last one may hold blanks and quotes. */
  readonly most: number;
  readonly braces: boolean;
  readonly line: number;
}

function isBlank(char: string | undefined): boolean {
  return char === undefined || char.trim() === "";
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && isBlank(text[at])) {
    at += 1;
  }
  return at;
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: string, at: number, floor: number): boolean {
  let backslashes = 0;
  while (at - backslashes > floor && text[at - backslashes - 1] === "\\") {
    backslashes += 1;
  }
  return backslashes % 2 === 1;
}

function lastQuote(text: string, open: number): number {
  let at = text.lastIndexOf('"');
  while (at > open && isEscaped(text, at, open + 1)) {
    at = text.lastIndexOf('"', at - 1);
  }
  return at > open ? at : -1;
}

/** The quote that ends an argument with more to come: one with a blank after it, else the last one there is. */
function closingQuote(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    if (text[at] === "\\") {
      at += 1;
    } else if (text[at] === '"' && isBlank(text[at + 1])) {
      return at;
    }
  }
  return lastQuote(text, open);
}

/** A backslash before the very last quote belongs to the text where no other escaped quote is left open: `dir C:\`. */
function isTextThenQuote(text: string, open: number): boolean {
  if (!text.endsWith('\\"') || text.length - 1 <= open) {
    return false;
  }
  return (text.slice(open + 1, -2).match(/\\"/g)?.length ?? 0) % 2 === 0;
}

function quoted(asked: Asked, open: number, last: boolean): { word: Word; next: number; complaints: Complaint[] } {
  const { text, line } = asked;
  const complaints: Complaint[] = [];
  let close = last ? lastQuote(text, open) : closingQuote(text, open);
  if (close === -1) {
    close = isTextThenQuote(text, open) ? text.length - 1 : text.length;
    const message = "The closing quote is missing: read to the end of the line.";
    complaints.push(complaint("quote.unclosed", message, { line, column: open + 1 }));
  }
  const raw = text.slice(open + 1, close);
  const inner = /(?<!\\)(?:\\\\)*"/.exec(raw);
  if (inner !== null && close < text.length) {
    const message = 'A quote inside quotes is written \\": read from the first quote to the last.';
    complaints.push(complaint("quote.inner", message, { line, column: open + 2 + inner.index + inner[0].length - 1 }));
  }
  return { word: { raw, at: open + 1, form: "quoted" }, next: close + 1, complaints };
}

function enclosed(text: string, from: number, ends: readonly [string, string]): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === "\\") {
      at += 1;
    } else if (text[at] === ends[0]) {
      depth += 1;
    } else if (text[at] === ends[1]) {
      depth -= 1;
      if (depth === 0) {
        return at;
      }
    }
  }
  return -1;
}

function bare(asked: Asked, from: number, last: boolean): { word: Word; next: number } {
  const { text } = asked;
  if (asked.braces && text[from] === "{") {
    const close = enclosed(text, from, ["{", "}"]);
    const end = close === -1 ? text.length : close;
    return { word: { raw: text.slice(from + 1, end), at: from + 1, form: "braced" }, next: end + 1 };
  }
  let end = from;
  if (last) {
    end = text.length;
  } else {
    const close = text[from] === "(" ? enclosed(text, from, ["(", ")"]) : -1;
    end = close === -1 ? from : close + 1;
    while (end < text.length && !isBlank(text[end])) {
      end += 1;
    }
  }
  const raw = text.slice(from, end);
  const stray = raw.endsWith('"') && raw.indexOf('"') === raw.length - 1;
  return { word: { raw: stray ? raw.slice(0, -1) : raw, at: from, form: "bare" }, next: end };
}

function skipWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isBlank(text[at])) {
    at += 1;
  }
  return at;
}

const CURLY = /[“”„‟]/g;

/** Text from a page or a word processor may have curly quotes. Where straight ones stand beside them they are text. */
function straightened(asked: Asked): { text: string; complaints: Complaint[] } {
  const rest = asked.text.slice(asked.from);
  if (rest.includes('"') || !/(?:^|\s)[“”„‟]/.test(rest)) return { text: asked.text, complaints: [] };
  const place = { line: asked.line, column: asked.from + rest.search(CURLY) + 1 };
  return {
    text: asked.text.slice(0, asked.from) + rest.replaceAll(CURLY, '"'),
    complaints: [complaint("quote.curly", "These quotes are curly: read as straight ones.", place)],
  };
}

function leftOut(line: number, at: number): Complaint {
  return complaint("argument.trailing", "Text after an argument is left out.", { line, column: at + 1 });
}

/**
 * Cuts the arguments of a line, and mends quotes as their author meant them.
 * What adheres to a closing quote, or is left after the last argument, is reported and left out.
 */
export function readWords(given: Asked): { words: Word[]; complaints: Complaint[] } {
  const { text, complaints } = straightened(given);
  const asked = { ...given, text };
  const { most, line } = asked;
  const words: Word[] = [];
  let at = skipBlanks(text, asked.from);
  while (at < text.length && words.length < most) {
    const last = words.length === most - 1;
    if (text[at] !== '"') {
      const read = bare(asked, at, last);
      words.push(read.word);
      at = skipBlanks(text, read.next);
      continue;
    }
    const read = quoted(asked, at, last);
    complaints.push(...read.complaints);
    words.push(read.word);
    const end = skipWord(text, read.next);
    if (end > read.next) {
      complaints.push(leftOut(line, read.next));
    }
    at = skipBlanks(text, end);
  }
  if (at < text.length) {
    complaints.push(leftOut(line, at));
  }
  return { words, complaints };
}
