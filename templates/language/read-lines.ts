import type { CommandRule, Context, Dialect } from "./dialect.ts";
import { unescapeLine, unescapeTcl } from "./escapes.ts";
import { nearest } from "./nearest.ts";
import { mendPattern } from "./patterns.ts";
import { readBlock } from "./read-block.ts";
import type { PlacedCommand, Reading } from "./reading.ts";
import { complaint, type Place } from "./rules.ts";
import type { Tag, Text } from "./script.ts";
import { cutTags } from "./tags.ts";
import { readWords, type Word } from "./words.ts";

/** Commands that take any number of arguments are read up to this many. */
const MOST_ARGUMENTS = 64;

/** What authors write for a shell's `$?` between quotes. */
const LAST_STATUS = /(?<!\\)\\\$\?/g;

interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  readonly dialect: Dialect;
}

interface Found {
  readonly name: string;
  readonly rule: CommandRule;
}

/** The commands of each dialect under all their names. Dialects never change. */
const indexes = new WeakMap<Dialect, ReadonlyMap<string, Found>>();

function indexOf(dialect: Dialect): ReadonlyMap<string, Found> {
  const known = indexes.get(dialect);
  if (known !== undefined) {
    return known;
  }
  const entries = Object.entries(dialect.commands).flatMap(([name, rule]) =>
    [name, ...(rule.aliases ?? [])].map((alias) => [alias.toLowerCase(), { name, rule }] as const),
  );
  // A command's own name wins over another one's alias.
  const index = new Map([...entries, ...entries.filter(([alias, { name }]) => alias === name)]);
  indexes.set(dialect, index);
  return index;
}

/** The command of a dialect by one of its names. */
export function findRule(dialect: Dialect, word: string): Found | undefined {
  return indexOf(dialect).get(word.toLowerCase());
}

/** The dialect in which a command's texts are written. */
export function writtenIn(dialect: Dialect, rule: CommandRule | undefined): Dialect {
  return rule?.lines ? { ...dialect, form: "lines" } : dialect;
}

/** What an argument is. `-re` before it says that it is a regular expression, as in Tcl's Expect. */
export function contextOf(rule: CommandRule, args: readonly Text[], index: number): Context {
  const option = args[index - 1];
  const context = rule.contexts[index] ?? rule.contexts.at(-1) ?? "plain";
  return option?.length === 1 && option[0] === "-re" ? "regex" : context;
}

/** Lines of a body, with any line end. */
export function linesOf(body: string): string[] {
  return body.split(/\r\n|\n|\r/);
}

function unknownCommand(line: Line, word: string, place: Place) {
  const meant = nearest(word.toLowerCase(), [...indexOf(line.dialect).keys()]);
  const hint = meant === undefined ? "" : `; ${meant} may be meant`;
  const shown = /^[!\w-]{1,40}$/.test(word) ? `There is no command ${word}` : "This is no command";
  return complaint("command.unknown", `${shown}${hint}.`, place);
}

/** The literal text of an argument, with its escapes resolved. */
function literal(dialect: Dialect, word: Word, raw: string, context: Context): string {
  if (dialect.form === "expect") {
    return word.form === "braced" ? raw : unescapeTcl(raw);
  }
  const meant = context === "typed" ? raw.replaceAll(LAST_STATUS, "$$?") : raw;
  const text = word.form === "bare" ? meant : unescapeLine(meant);
  return context === "typed" || context === "plain" ? text.replaceAll(/\[nl\]/gi, "\n") : text;
}

/** Whether an argument needs no quotes: words, numbers, a filter in its parentheses, an option of Tcl. */
function mayBeBare(dialect: Dialect, context: Context, raw: string): boolean {
  return context === "plain" || (context === "ldap-filter" && raw.startsWith("(")) || dialect.form === "expect";
}

function readArgument(line: Line, word: Word, context: Context): Pick<PlacedCommand, "tags"> & Reading<Text> {
  const cut = cutTags(word.raw, (offset) => ({ line: line.number, column: word.at + offset + 1 }));
  const text = cut.pieces.map(({ value }): string | Tag =>
    typeof value === "string" ? literal(line.dialect, word, value, context) : value,
  );
  const tags = cut.pieces.flatMap(({ at, value }) =>
    typeof value === "string" ? [] : [{ name: value.tag, line: line.number, column: word.at + at + 1 }],
  );
  const complaints = [...cut.complaints];
  const escaped = context === "typed" && line.dialect.form === "lines" && word.raw.search(LAST_STATUS) >= 0;
  const place = { line: line.number, column: word.at + 1 };
  if (escaped) {
    complaints.push(complaint("text.escape", "\\$? is sent as $?, the result of the command before.", place));
  }
  if (word.form === "bare" && !mayBeBare(line.dialect, context, word.raw)) {
    complaints.push(complaint("quote.missing", "The quotes are missing: read to the end of the line.", place));
  }
  if (line.dialect.form === "expect" && word.form === "quoted" && /(?<!\\)(?:\\\\)*(?:\$[\w{]|\[\w)/.test(word.raw)) {
    const message = "Tcl would put a value in here; it is taken as it stands.";
    complaints.push(complaint("tcl.substitution", message, place));
  }
  const mended = mendPattern({ text, context, form: line.dialect.form, place });
  return { value: mended.value, complaints: [...complaints, ...mended.complaints], tags };
}

function readArguments(
  line: Line,
  rule: CommandRule,
  words: readonly Word[],
): Reading<PlacedCommand["args"]> & Pick<PlacedCommand, "tags"> {
  const args: Text[] = [];
  const read = words.map((word, index) => {
    const argument = readArgument(line, word, contextOf(rule, args, index));
    args.push(argument.value);
    return argument;
  });
  return {
    value: args,
    complaints: read.flatMap((argument) => argument.complaints),
    tags: read.flatMap((argument) => argument.tags),
  };
}

/** Reads one line that is neither blank nor a comment; no value when it is not to be run. */
function readLine(given: Line): Reading<PlacedCommand | undefined> {
  const indent = given.text.length - given.text.trimStart().length;
  const word = /^[^\s"]+/.exec(given.text.slice(indent))?.[0] ?? "";
  const place = { line: given.number, column: indent + 1 };
  const found = findRule(given.dialect, word);
  if (found === undefined) {
    return { value: undefined, complaints: [unknownCommand(given, word, place)] };
  }
  const line = { ...given, dialect: writtenIn(given.dialect, found.rule) };
  const [fewest, allowed] = found.rule.arguments;
  const most = Math.min(allowed, MOST_ARGUMENTS);
  const braces = line.dialect.form === "expect";
  const from = indent + word.length;
  const dashes = braces ? (/^\s*--(?=\s|$)/.exec(line.text.slice(from))?.[0].length ?? 0) : 0;
  const asked = { text: line.text.trimEnd(), from: from + dashes, most, braces, line: line.number };
  const { words, complaints } = readWords(asked);
  if (words.length < fewest) {
    const message = `${found.name} takes ${fewest === allowed ? "" : "at least "}${fewest} argument${fewest === 1 ? "" : "s"}.`;
    return { value: undefined, complaints: [complaint("arguments.count", message, place)] };
  }
  const read = readArguments(line, found.rule, words);
  return {
    value: { name: found.name, args: read.value, line: line.number, column: place.column, tags: read.tags },
    complaints: [...complaints, ...read.complaints],
  };
}

/** How many more braces a line of Tcl opens than it closes, outside of its quotes. */
function bracesOf(text: string): number {
  const braces = text.replaceAll(/\\[^]|"(?:\\[^]|[^"\\])*"?/g, "").match(/[{}]/g) ?? [];
  return braces.reduce((depth, brace) => depth + (brace === "{" ? 1 : -1), 0);
}

/** A line of a body, with what it says; no reading where it says nothing: blank, a comment, within a block. */
export interface ReadLine {
  readonly text: string;
  readonly reading?: Reading<readonly PlacedCommand[]>;
}

function refusedBlock(number: number): Reading<PlacedCommand[]> {
  const message = "A block of Tcl is not run: write the lines one after another.";
  return { value: [], complaints: [complaint("tcl.block", message, { line: number, column: 1 })] };
}

function afterEnd(number: number): Reading<PlacedCommand[]> {
  const message = "Nothing after end is run: this line and those after it are left out.";
  return { value: [], complaints: [complaint("line.after-end", message, { line: number, column: 1 })] };
}

/** What reads the block that begins in a line, by the line's index. */
function blocksOf(lines: readonly string[], dialect: Dialect) {
  const starts: number[] = [];
  let length = 0;
  for (const line of lines) {
    starts.push(length);
    length += line.length + 1;
  }
  const indexOf = (offset: number, from: number) => {
    let index = from;
    while ((starts[index + 1] ?? Infinity) <= offset) index += 1;
    return index;
  };
  const text = lines.join("\n");
  return (first: number) => {
    const indent = /^\s*(?=expect\s)/i.exec(lines[first] ?? "")?.[0].length;
    if (dialect.form !== "expect" || indent === undefined) return undefined;
    const lineAt = (offset: number) => {
      const index = indexOf(offset, first);
      return { line: index + 1, column: offset - (starts[index] ?? 0) + 1 };
    };
    const readCommand = (command: string, number: number) => readLine({ text: command, number, dialect });
    const block = readBlock({ text, lineAt, readCommand }, (starts[first] ?? 0) + indent);
    return block && { reading: block.reading, last: indexOf(block.to, first) };
  };
}

/** Reads each line of a body of one command a line. */
export function readEachLine(body: string, dialect: Dialect): ReadLine[] {
  let depth = 0;
  let blockEnds = -1;
  let end: "none" | "reached" | "told" = "none";
  const lines = linesOf(body);
  const blockAt = blocksOf(lines, dialect);
  return lines.map((text, index): ReadLine => {
    const number = index + 1;
    if (index <= blockEnds) return { text };
    if (depth > 0) {
      depth += bracesOf(text);
      return { text };
    }
    if (text.trim() === "" || text.trimStart().startsWith("#") || end === "told") {
      return { text };
    }
    if (end === "reached") {
      end = "told";
      return { text, reading: afterEnd(number) };
    }
    const block = blockAt(index);
    if (block) {
      blockEnds = block.last;
      return { text, reading: block.reading };
    }
    depth = dialect.form === "expect" ? bracesOf(text) : 0;
    if (depth > 0) {
      return { text, reading: refusedBlock(number) };
    }
    const { value, complaints } = readLine({ text, number, dialect });
    end = value?.name === "end" ? "reached" : "none";
    return { text, reading: { value: value ? [value] : [], complaints } };
  });
}

/** Reads a body of one command a line. */
export function readLines(body: string, dialect: Dialect): Reading<PlacedCommand[]> {
  const lines = readEachLine(body, dialect).flatMap(({ reading }) => reading ?? []);
  return {
    value: lines.flatMap(({ value }) => value),
    complaints: lines.flatMap(({ complaints }) => complaints),
  };
}
