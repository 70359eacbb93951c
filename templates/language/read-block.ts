/**
 * Blocks of Expect: patterns that are waited for at once, each with what is done when it comes.
 *
 * Source: expect(1) and Tcl(n); what is one argument and what a list of them, as Expect's `exp_one_arg_braced` has it.
 */
import { BLOCK, type BlockMark } from "./block.ts";
import type { PlacedCommand, Reading } from "./reading.ts";
import { complaint, type Place } from "./rules.ts";

/** Deeper, or longer, is nothing that a person wrote. */
const DEEPEST = 10;
const LONGEST = 10_000;

/** Reads one command that stands in one line. */
type ReadCommand = (text: string, number: number) => Reading<PlacedCommand | undefined>;

/** A body, and where its lines are. */
export interface Source {
  readonly text: string;
  readonly lineAt: (offset: number) => Place;
  readonly readCommand: ReadCommand;
}

interface Word {
  readonly form: "quoted" | "braced" | "bare";
  /** Of the whole word, and of what stands in its braces. */
  readonly from: number;
  readonly to: number;
}

/** Where a block ends, and what it says. */
interface Block {
  readonly to: number;
  readonly reading: Reading<PlacedCommand[]>;
}

/** The end of a word that begins here; undefined when a quote or brace of it is never closed. */
function wordAt(text: string, from: number, limit: number): Word | undefined {
  const open = text[from];
  if (open === "{") {
    let depth = 0;
    for (let at = from; at < Math.min(limit, from + LONGEST); at += 1) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === "{") depth += 1;
      else if (text[at] === "}" && --depth === 0) return { form: "braced", from, to: at + 1 };
    }
    return undefined;
  }
  if (open === '"') {
    for (let at = from + 1; at < limit && text[at] !== "\n"; at += 1) {
      if (text[at] === "\\") at += 1;
      else if (text[at] === '"') return { form: "quoted", from, to: at + 1 };
    }
    return undefined;
  }
  let to = from;
  while (to < limit && !/[\s;]/.test(text.charAt(to))) to += 1;
  return to === from ? undefined : { form: "bare", from, to };
}

/** The words from here on: to the end of the line, or to the limit where line ends are blanks. Comments are passed over. */
function wordsOf(text: string, from: number, { limit, lines }: { limit: number; lines: boolean }): Word[] | undefined {
  const words: Word[] = [];
  let at = from;
  let fresh = lines;
  while (at < limit) {
    const char = text.charAt(at);
    if (char === "\n" && !lines) break;
    if (/\s/.test(char) || (char === "\\" && text[at + 1] === "\n")) {
      fresh = lines && (fresh || char === "\n");
      at += char === "\\" ? 2 : 1;
    } else if (fresh && char === "#") {
      const end = text.indexOf("\n", at);
      at = end === -1 ? limit : end;
    } else {
      const word = wordAt(text, at, limit);
      if (!word) return undefined;
      words.push(word);
      at = word.to;
      fresh = false;
    }
  }
  return words;
}

/** The patterns and bodies of an `expect`, if it has bodies: in one pair of braces over several lines, or one by one. */
function partsOf(text: string, from: number, limit: number): { words: Word[]; to: number } | undefined {
  const words = wordsOf(text, from, { limit, lines: false });
  const [first] = words ?? [];
  const last = words?.at(-1);
  if (!words || !first || !last) return undefined;
  if (words.length > 1) {
    const patterns = words.findIndex((word) => word.form !== "bare" || text[word.from] !== "-");
    return words.slice(patterns + 1).some(({ form }) => form === "braced") ? { words, to: last.to } : undefined;
  }
  if (first.form !== "braced" || !/^\{[^\S\n]*\n/.test(text.slice(first.from, first.to))) return undefined;
  const inner = wordsOf(text, first.from + 1, { limit: first.to - 1, lines: true });
  return inner && { words: inner, to: first.to };
}

/** Reads the block whose `expect` stands at an offset; undefined when it is none. */
export function readBlock(source: Source, at: number, limit = source.text.length, depth = 1): Block | undefined {
  const found = partsOf(source.text, at + "expect".length, limit);
  if (!found) return undefined;
  const place = source.lineAt(at);
  if (depth > DEEPEST) {
    const message = "Blocks are nested too deep.";
    return { to: found.to, reading: { value: [], complaints: [complaint("tcl.block", message, place)] } };
  }
  const readings: Reading<PlacedCommand[]>[] = [];
  for (let index = 0; index < found.words.length;) {
    const { words, body, next } = armAt(source.text, found.words, index);
    const [first, last] = [words[0] ?? body, words.at(-1) ?? body];
    if (first && last) readings.push(readOn(source, first, last));
    if (body) readings.push(readBody(source, body, depth));
    index = next;
  }
  const value = [mark(BLOCK.begin, place), ...readings.flatMap((one) => one.value), mark(BLOCK.end, place)];
  return { to: found.to, reading: { value, complaints: readings.flatMap(({ complaints }) => complaints) } };
}

/** Options and pattern, and the body after them. */
function armAt(text: string, words: readonly Word[], from: number) {
  let index = from;
  const isOption = (word: Word | undefined) => word?.form === "bare" && text[word.from] === "-";
  while (isOption(words[index])) index += 1;
  return { words: words.slice(from, index + 1), body: words[index + 1], next: index + 2 };
}

/** What an arm waits for. */
function readOn(source: Source, first: Word, last: Word): Reading<PlacedCommand[]> {
  const written = source.text.slice(first.from, last.to);
  const place = source.lineAt(first.from);
  if (first === last && first.form === "bare" && /^(?:timeout|eof|default)$/.test(written))
    return { value: [mark(BLOCK.arm, place, written)], complaints: [] };
  const { value, complaints } = source.readCommand(`expect ${written}`, place.line);
  // What stands before a pattern here is not the command's name.
  const moved = <T extends Place>(one: T): T => ({ ...one, column: one.column + place.column - "expect ".length - 1 });
  const pattern = value && { ...value, column: place.column, tags: value.tags.map(moved) };
  return { value: [mark(BLOCK.arm, place), ...(pattern ? [pattern] : [])], complaints: complaints.map(moved) };
}

/** The commands of a body: a line or what a semicolon ends. */
function readBody(source: Source, body: Word, depth: number): Reading<PlacedCommand[]> {
  const { text } = source;
  const limit = body.form === "bare" ? body.to : body.to - 1;
  const readings: Reading<PlacedCommand[]>[] = [];
  let at = body.form === "bare" ? body.from : body.from + 1;
  while (at < limit) {
    if (/[\s;]/.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const isExpect = /^expect\s/i.test(text.slice(at, at + 7));
    const block = isExpect ? readBlock(source, at, limit, depth + 1) : undefined;
    const to = block?.to ?? commandEnd(text, at, limit);
    readings.push(block?.reading ?? readOne(source, at, to));
    at = to;
  }
  return { value: readings.flatMap(({ value }) => value), complaints: readings.flatMap((one) => one.complaints) };
}

/** Where a command ends that is no block. */
function commandEnd(text: string, from: number, limit: number): number {
  const comment = text[from] === "#";
  for (let at = from; at < limit;) {
    const char = text.charAt(at);
    if (char === "\n" || (char === ";" && !comment)) return at;
    const word = !comment && (char === '"' || char === "{") ? wordAt(text, at, limit) : undefined;
    at = word?.to ?? at + (char === "\\" && text[at + 1] !== "\n" ? 2 : 1);
  }
  return limit;
}

function readOne(source: Source, from: number, to: number): Reading<PlacedCommand[]> {
  const written = source.text.slice(from, to).trimEnd();
  const place = source.lineAt(from);
  const nothing: Reading<PlacedCommand[]> = { value: [], complaints: [] };
  if (written.startsWith("#")) return nothing;
  if (/^exp_continue(?:\s+-continue_timer)?$/.test(written)) return { ...nothing, value: [mark(BLOCK.again, place)] };
  if (/^return$/.test(written)) return readPadded(source, "exit", place);
  if (/^exit\s+-?[1-9]\d*$/.test(written)) return { ...nothing, value: [mark(BLOCK.fail, place)] };
  if (/[\n]/.test(written)) {
    const message = "A block of Tcl is not run: write the lines one after another.";
    return { ...nothing, complaints: [complaint("tcl.block", message, place)] };
  }
  return readPadded(source, written, place);
}

/** Reads a command with blanks before it, so that the columns of what is said about it are right. */
function readPadded({ readCommand }: Source, written: string, place: Place): Reading<PlacedCommand[]> {
  const { value, complaints } = readCommand(" ".repeat(place.column - 1) + written, place.line);
  return { value: value ? [value] : [], complaints };
}

function mark(name: BlockMark, place: Place, word?: string): PlacedCommand {
  return { name, args: word === undefined ? [] : [[word]], ...place, tags: [] };
}
