import type { SqlDialect } from "./dialect.ts";
import { MARK } from "./flat.ts";
import type { PlacedCommand, PlacedTag, Reading } from "./reading.ts";
import { complaint, type Place } from "./rules.ts";
import type { Complaint, Tag, Text } from "./script.ts";
import { type Span, scanSql } from "./sql-spans.ts";
import { cutTags, type Piece } from "./tags.ts";

/** A body of SQL with a mark for each tag, and the way back to its places. */
interface Body {
  readonly source: string;
  readonly marks: ReadonlyMap<number, Piece & { readonly value: Tag }>;
  placeOf(index: number): Place;
}

/** What ends a statement: `;`, or a line that holds only `/` (Oracle) or `GO` (SQL Server). */
const BLOCK_START: Readonly<Partial<Record<SqlDialect, RegExp>>> = {
  oracle: /^(?:BEGIN|DECLARE|CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE|TRIGGER|PACKAGE))\b/i,
  "sql-server": /^(?:DECLARE|IF|WHILE|BEGIN(?!\s+TRAN))\b/i,
};
const LINE_END: Readonly<Partial<Record<SqlDialect, RegExp>>> = {
  oracle: /^[ \t]*\/[ \t]*$/gm,
  "sql-server": /^[ \t]*GO(?:[ \t]*;)?[ \t]*$/gim,
};

/** Index of the last of ascending numbers that is not above another; 0 when all are. */
function lastUpTo(numbers: readonly number[], limit: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

function placer(text: string): (offset: number) => Place {
  const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  return (offset) => {
    const line = lastUpTo(starts, offset);
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 };
  };
}

function readBody(text: string): Reading<Body> {
  const placeOf = placer(text);
  const { pieces, complaints } = cutTags(text, placeOf);
  const marks = new Map<number, Piece & { readonly value: Tag }>();
  const indexes: number[] = [];
  const parts: string[] = [];
  let length = 0;
  for (const { at, value } of pieces) {
    indexes.push(length);
    if (typeof value !== "string") {
      marks.set(length, { at, value });
    }
    const part = typeof value === "string" ? value : MARK;
    parts.push(part);
    length += part.length;
  }
  const offsetOf = (index: number) => {
    const piece = lastUpTo(indexes, index);
    return (pieces[piece]?.at ?? 0) + index - (indexes[piece] ?? 0);
  };
  return { value: { source: parts.join(""), marks, placeOf: (index) => placeOf(offsetOf(index)) }, complaints };
}

/** The source with everything that is no code blanked out, so that words and `;` can be looked for. */
function codeOnly(source: string, spans: readonly Span[]): string {
  return spans
    .map(({ kind, start, end, inDollar }) =>
      kind === "code" && inDollar === ""
        ? source.slice(start, end)
        : source.slice(start, end).replaceAll(/[^\n]/g, " "),
    )
    .join("");
}

/** Ranges of statements, without what ends them. */
function cutStatements(code: string, dialect: SqlDialect): [start: number, end: number][] {
  const pattern = LINE_END[dialect];
  const lines = pattern === undefined ? [] : [...code.matchAll(pattern)];
  const ends = [
    ...[...code.matchAll(/;/g)].map(({ index }) => ({ index, length: 1, hard: false })),
    ...lines.map((match) => ({ index: match.index, length: match[0].length, hard: true })),
  ];
  const ranges: [number, number][] = [];
  let start = 0;
  let inBlock: boolean | undefined;
  for (const end of ends.toSorted((left, right) => left.index - right.index)) {
    if (end.index < start) {
      continue;
    }
    inBlock ??= BLOCK_START[dialect]?.test(code.slice(start, start + 2000).trimStart()) ?? false;
    if (inBlock && !end.hard) {
      continue;
    }
    ranges.push([start, end.index]);
    start = end.index + end.length;
    inBlock = undefined;
  }
  return [...ranges, [start, code.length]];
}

interface Found {
  readonly parts: (string | Tag)[];
  readonly tags: PlacedTag[];
  /** Index of the first character that is neither blank nor in a comment; -1 before there was one. */
  first: number;
}

function addPart(body: Body, found: Found, from: number, to: number): void {
  for (let index = from; index < to;) {
    const mark = body.marks.get(index);
    const next = mark === undefined ? body.source.indexOf(MARK, index) : index + 1;
    const end = next === -1 ? to : Math.min(next, to);
    const text = body.source.slice(index, end);
    if (found.first === -1 && text.trim() !== "") {
      found.first = index + text.length - text.trimStart().length;
    }
    found.parts.push(mark === undefined ? text : mark.value);
    if (mark !== undefined) {
      found.tags.push({ name: mark.value.tag, ...body.placeOf(index) });
    }
    index = end;
  }
}

/** The statements of ranges, in order. Both lists are walked once. */
function statementsIn(
  body: Body,
  spans: readonly Span[],
  ranges: readonly (readonly [number, number])[],
): PlacedCommand[] {
  let next = 0;
  return ranges.flatMap(([start, end]) => {
    const found: Found = { parts: [], tags: [], first: -1 };
    for (let span = spans[next]; span !== undefined && span.start < end; span = spans[next]) {
      const [from, to] = [Math.max(span.start, start), Math.min(span.end, end)];
      if (from < to && span.kind === "comment") found.parts.push(" ");
      else if (from < to) addPart(body, found, from, to);
      if (span.end > end) break;
      next += 1;
    }
    if (found.first === -1) {
      return [];
    }
    return [{ name: "statement", args: [trimmed(found.parts)], ...body.placeOf(found.first), tags: found.tags }];
  });
}

/** Without blanks at both ends; literals next to each other joined. */
function trimmed(parts: readonly (string | Tag)[]): Text {
  const joined: (string | Tag)[] = [];
  for (const part of parts) {
    const before = joined.at(-1);
    if (typeof part === "string" && typeof before === "string") joined[joined.length - 1] = before + part;
    else joined.push(part);
  }
  return joined
    .map((part, index) => {
      if (typeof part !== "string") return part;
      const left = index === 0 ? part.trimStart() : part;
      return index === joined.length - 1 ? left.trimEnd() : left;
    })
    .filter((part) => part !== "");
}

/** SQL*Plus's CONNECT, which no `;` ends; CONNECT BY goes on with a query. */
const CONNECT = /^CONN(?:ECT)?[ \t]+(?!BY\b)/i;

/** A statement without the line that connects before it, as Oracle's page of the original has one. */
function withoutConnect(command: PlacedCommand): Reading<PlacedCommand[]> {
  const [text = []] = command.args;
  if (typeof text[0] !== "string" || !CONNECT.test(text[0])) return { value: [command], complaints: [] };
  const message = "The plugin is connected already: this line is left out.";
  const complaints = [complaint("sql.connect", message, command)];
  const end = text.findIndex((part) => typeof part === "string" && part.includes("\n"));
  if (end === -1) return { value: [], complaints };
  const rest = text.slice(end).map((part, index) => {
    return index === 0 && typeof part === "string" ? part.slice(part.indexOf("\n") + 1) : part;
  });
  const tags = command.tags.filter(({ line }) => line > command.line);
  const [start = ""] = rest;
  const blank = typeof start === "string" ? (/^\s*/.exec(start)?.[0] ?? "") : "";
  const line = command.line + blank.split("\n").length;
  const next = { ...command, args: [trimmed(rest)], tags, line, column: blank.length - blank.lastIndexOf("\n") };
  return { value: [next], complaints };
}

/** Reads SQL statements. Comments are left out. */
export function readStatements(text: string, dialect: SqlDialect): Reading<PlacedCommand[]> {
  const { value: body, complaints } = readBody(text.replaceAll(/\r\n?/g, "\n"));
  const spans = scanSql(body.source, dialect);
  const unclosed: Complaint[] = spans
    .filter((span) => span.unclosed)
    .map(({ start }) => complaint("sql.unclosed", "What begins here has no end.", body.placeOf(start)));
  const commands = statementsIn(body, spans, cutStatements(codeOnly(body.source, spans), dialect));
  if (dialect !== "oracle") return { value: commands, complaints: [...complaints, ...unclosed] };
  const connected = commands.map(withoutConnect);
  const told = connected.flatMap((one) => one.complaints);
  return { value: connected.flatMap(({ value }) => value), complaints: [...complaints, ...unclosed, ...told] };
}
