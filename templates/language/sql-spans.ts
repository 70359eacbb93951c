import type { SqlDialect } from "./dialect.ts";

/** A stretch of SQL. Stretches follow each other without gaps. */
export interface Span {
  readonly kind: "code" | "literal" | "identifier" | "dollar" | "comment";
  readonly start: number;
  /** Index after the last character. */
  readonly end: number;
  /** The character or dollar tag that ends it; empty for code and comments. */
  readonly close: string;
  /** Of a literal: whether a backslash escapes in it. */
  readonly backslashes: boolean;
  /** Whether the end of the text came first. */
  readonly unclosed: boolean;
  /** The tag of the dollar quotes around it; empty outside of any. */
  readonly inDollar: string;
}

interface Scan {
  readonly source: string;
  readonly dialect: SqlDialect;
  readonly inDollar: string;
}

const COMMENT_LINE: Readonly<Record<SqlDialect, RegExp>> = {
  postgresql: /--/y,
  oracle: /--/y,
  "sql-server": /--/y,
  mysql: /--(?=\s|$)|#/y,
};
/** `/*!` and `/*+` are no comments: servers act on what they hold. */
const COMMENT_BLOCK = /\/\*(?![!+])/y;
/** Characters that may begin something other than code. */
const OPENERS = new Set("-#/'\"`[$qQ");
const DOLLAR = /\$(?:[A-Za-z_\u0080-\uFFFE][\w\u0080-\uFFFE]*)?\$/y;
const ORACLE_QUOTE = /[qQ]'/y;

function at(pattern: RegExp, source: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(source)?.[0];
}

function isWordCharacter(char: string | undefined): boolean {
  return char !== undefined && /[\w$]/.test(char);
}

/** Index after the closing character, which is doubled where it is meant; -1 when there is none. */
function closeAt(source: string, from: number, close: string, backslashes: boolean): number {
  for (let index = from; index < source.length; index += 1) {
    if (backslashes && source[index] === "\\") {
      index += 1;
    } else if (source[index] === close) {
      if (source[index + 1] !== close) {
        return index + 1;
      }
      index += 1;
    }
  }
  return -1;
}

function commentEnd(source: string, from: number, nested: boolean): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = from + 2;
  let depth = 1;
  for (let match = edge.exec(source); match !== null; match = edge.exec(source)) {
    depth += match[0] === "*/" ? -1 : nested ? 1 : 0;
    if (depth === 0) {
      return match.index + 2;
    }
  }
  return -1;
}

function span(
  scan: Scan,
  kind: Span["kind"],
  start: number,
  rest: { end: number; close?: string; backslashes?: boolean },
): Span {
  const unclosed = rest.end === -1;
  return {
    kind,
    start,
    end: unclosed ? scan.source.length : rest.end,
    close: rest.close ?? "",
    backslashes: rest.backslashes ?? false,
    unclosed,
    inDollar: scan.inDollar,
  };
}

function commentFrom(scan: Scan, index: number, startsLine: boolean): Span | undefined {
  const { source, dialect } = scan;
  if ((startsLine && source[index] === "#") || at(COMMENT_LINE[dialect], source, index) !== undefined) {
    const end = source.indexOf("\n", index);
    return span(scan, "comment", index, { end: end === -1 ? source.length : end });
  }
  if (at(COMMENT_BLOCK, source, index) === undefined) {
    return undefined;
  }
  const nested = dialect === "postgresql" || dialect === "sql-server";
  return span(scan, "comment", index, { end: commentEnd(source, index, nested) });
}

/** Whether a literal that opens here knows backslashes: MySQL's do, and those of PostgreSQL with E or U& before. */
function knowsBackslashes(scan: Scan, index: number): boolean {
  if (scan.dialect === "mysql") {
    return true;
  }
  const before = /(?<![\w$])(?:[eE]|[uU]&)$/.exec(scan.source.slice(Math.max(0, index - 3), index));
  return scan.dialect === "postgresql" && before !== null;
}

function quotedFrom(scan: Scan, index: number): Span | undefined {
  const { source, dialect } = scan;
  const char = source[index] ?? "";
  if (char === "'" || (char === '"' && dialect === "mysql")) {
    const backslashes = knowsBackslashes(scan, index);
    return span(scan, "literal", index, {
      end: closeAt(source, index + 1, char, backslashes),
      close: char,
      backslashes,
    });
  }
  const close =
    char === '"'
      ? '"'
      : char === "`" && dialect === "mysql"
        ? "`"
        : char === "[" && dialect === "sql-server"
          ? "]"
          : "";
  return close === ""
    ? undefined
    : span(scan, "identifier", index, { end: closeAt(source, index + 1, close, false), close });
}

/** Oracle's `q'[…]'`. */
function oracleFrom(scan: Scan, index: number): Span | undefined {
  if (
    scan.dialect !== "oracle" ||
    isWordCharacter(scan.source[index - 1]) ||
    at(ORACLE_QUOTE, scan.source, index) === undefined
  ) {
    return undefined;
  }
  const open = scan.source[index + 2] ?? "";
  const close = `${{ "[": "]", "(": ")", "{": "}", "<": ">" }[open] ?? open}'`;
  const end = scan.source.indexOf(close, index + 3);
  return span(scan, "dollar", index, { end: end === -1 ? -1 : end + close.length, close });
}

/** What stands between dollar quotes is code after DO and AS, else text. */
function dollarFrom(scan: Scan, index: number): Span[] | undefined {
  const { source } = scan;
  const tag =
    scan.dialect === "postgresql" && scan.inDollar === "" && !isWordCharacter(source[index - 1])
      ? at(DOLLAR, source, index)
      : undefined;
  if (tag === undefined) {
    return undefined;
  }
  const close = source.indexOf(tag, index + tag.length);
  const whole = span(scan, "dollar", index, { end: close === -1 ? -1 : close + tag.length, close: tag });
  if (close === -1 || !/\b(?:DO(?:\s+LANGUAGE\s+\w+)?|AS)\s*$/i.test(source.slice(Math.max(0, index - 40), index))) {
    return [whole];
  }
  const body = source.slice(index + tag.length, close);
  const inner = scanSql(body, scan.dialect, tag);
  const shift = index + tag.length;
  return [
    { ...whole, end: shift, inDollar: tag },
    ...inner.map((part) => ({ ...part, start: part.start + shift, end: part.end + shift })),
    { ...whole, start: close, inDollar: tag },
  ];
}

function spansFrom(scan: Scan, index: number, startsLine: boolean): Span[] | undefined {
  if (!OPENERS.has(scan.source[index] ?? "")) {
    return undefined;
  }
  const single = commentFrom(scan, index, startsLine) ?? oracleFrom(scan, index) ?? quotedFrom(scan, index);
  return single === undefined ? dollarFrom(scan, index) : [single];
}

/** Cuts SQL into code, literals, identifiers and comments by the rules of its dialect. Takes linear time. */
export function scanSql(source: string, dialect: SqlDialect, inDollar = ""): Span[] {
  const scan = { source, dialect, inDollar };
  const spans: Span[] = [];
  let code = 0;
  let index = 0;
  let startsLine = true;
  while (index < source.length) {
    const found = spansFrom(scan, index, startsLine);
    if (found === undefined) {
      startsLine = source[index] === "\n" || source[index] === ";" || (startsLine && /\s/.test(source[index] ?? ""));
      index += 1;
      continue;
    }
    if (index > code) {
      spans.push(span(scan, "code", code, { end: index }));
    }
    for (const one of found) {
      spans.push(one);
    }
    index = found.at(-1)?.end ?? source.length;
    code = index;
    startsLine = false;
  }
  if (code < source.length) {
    spans.push(span(scan, "code", code, { end: source.length }));
  }
  return spans;
}
