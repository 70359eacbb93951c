import { CannotCarry } from "./cannot-carry.ts";
import type { SqlDialect } from "./dialect.ts";
import type { Flat } from "./flat.ts";
import { type Quoter, quoterOf } from "./quoter.ts";
import { PASSWORD_TAGS, type TagName } from "./script.ts";
import { type Span, scanSql } from "./sql-spans.ts";

/** Where in a statement a tag stands. */
interface SqlPlace {
  readonly span: Pick<Span, "kind" | "close" | "backslashes" | "inDollar">;
  /** Whether a word continues before or after it: quotes of its own cannot stand here. */
  readonly partOfWord: boolean;
  /** Whether a backslash before it, which escapes there, takes what comes first. */
  readonly escaped: boolean;
  /** Whether the statement holds a comment that some servers act on and others pass over. */
  readonly besideHint: boolean;
}

/** Tags whose values are data when they stand without quotes; the others are names. */
const DATA = new Set<TagName>([...PASSWORD_TAGS, "UID", "TOTP_TOKEN", "OPERACAO_COD", "CODIGO_GOVERNANCA"]);
const WORD = /[\w$#'"`\]\uFFFF\u0080-\uFFFD]/;

/** Whether an odd number of backslashes stands before, back to where the text begins. */
function isEscaped(source: string, mark: number, start: number): boolean {
  let backslashes = 0;
  while (mark - backslashes > start && source[mark - backslashes - 1] === "\\") {
    backslashes += 1;
  }
  return backslashes % 2 === 1;
}

/** Where each tag of a statement stands, by the index of its mark. */
function sqlPlaces(flat: Flat, dialect: SqlDialect): Map<number, SqlPlace> {
  const spans = scanSql(flat.source, dialect);
  const places = new Map<number, SqlPlace>();
  const besideHint = /\/\*[!+]/.test(flat.source);
  let next = 0;
  for (const mark of flat.tags.keys()) {
    while ((spans[next]?.end ?? Infinity) <= mark) {
      next += 1;
    }
    const found = spans[next];
    if (found !== undefined) {
      const { kind, close, backslashes, inDollar } = found;
      const span = { kind, close, backslashes, inDollar };
      const neighbours = [flat.source[mark - 1], flat.source[mark + 1]];
      const partOfWord = neighbours.some((char) => char !== undefined && WORD.test(char));
      const escaped = backslashes && isEscaped(flat.source, mark, found.start);
      places.set(mark, { span, partOfWord, escaped, besideHint });
    }
  }
  return places;
}

/** The inside of a literal. */
function literal(value: string, close: string, backslashes: boolean): string {
  const doubled = value.replaceAll(close, close + close);
  return backslashes ? doubled.replaceAll("\\", "\\\\") : doubled;
}

/** The inside of a quoted name. Oracle knows no way to write a quote in one. */
function identifier(tag: TagName, value: string, close: string, dialect: SqlDialect): string {
  if (dialect === "oracle" && value.includes('"')) {
    throw new CannotCarry(tag, "holds a double quote, which Oracle does not take between double quotes");
  }
  if (value === "") {
    throw new CannotCarry(tag, "is empty, and a name cannot be");
  }
  return value.replaceAll(close, close + close);
}

function bareName(tag: TagName, value: string, dialect: SqlDialect): string {
  switch (dialect) {
    case "mysql":
      return `\`${identifier(tag, value, "`", dialect)}\``;
    case "sql-server":
      return `[${identifier(tag, value, "]", dialect)}]`;
    case "postgresql":
      return `"${identifier(tag, value, '"', dialect)}"`;
    case "oracle":
      // Without quotes Oracle reads a name in upper case, as it does at the log-in.
      return /^[A-Za-z][\w$#]*$/.test(value) ? value : `"${identifier(tag, value, '"', dialect)}"`;
  }
}

function bare(tag: TagName, value: string, dialect: SqlDialect): string {
  if (!DATA.has(tag)) {
    return bareName(tag, value, dialect);
  }
  if (PASSWORD_TAGS.some((name) => name === tag)) {
    // IDENTIFIED BY takes a password like a name.
    return dialect === "oracle" ? `"${identifier(tag, value, '"', dialect)}"` : quotedLiteral(value, dialect);
  }
  return /^\d+$/.test(value) ? value : quotedLiteral(value, dialect);
}

function quotedLiteral(value: string, dialect: SqlDialect): string {
  // The national prefix keeps what the code page of a SQL Server does not have.
  return `${dialect === "sql-server" ? "N" : ""}'${literal(value, "'", dialect === "mysql")}'`;
}

function sqlValue(place: SqlPlace, tag: TagName, value: string, dialect: SqlDialect): string {
  const { span, partOfWord } = place;
  if (value.includes("\0")) {
    throw new CannotCarry(tag, "holds a NUL, which no statement can");
  }
  if (place.escaped && !/^[A-Z]/i.test(value)) {
    throw new CannotCarry(tag, "stands behind a backslash that would take its first character");
  }
  if (place.besideHint && value.includes("*/")) {
    throw new CannotCarry(tag, "may end the comment in the statement");
  }
  if (span.kind === "dollar" && span.close !== "") {
    const stops = span.close.startsWith("$") ? "$" : span.close.slice(0, 1);
    if (value.includes(stops) || value.includes("'")) {
      throw new CannotCarry(tag, "holds a character that may end the quotes around it");
    }
    return value;
  }
  const text =
    place.span.kind === "literal"
      ? literal(value, span.close, span.backslashes)
      : span.kind === "identifier"
        ? identifier(tag, value, span.close, dialect)
        : codeValue(tag, value, partOfWord, dialect);
  if (span.inDollar !== "" && text.includes("$")) {
    throw new CannotCarry(tag, "holds a dollar sign inside of dollar quotes");
  }
  return text;
}

function codeValue(tag: TagName, value: string, partOfWord: boolean, dialect: SqlDialect): string {
  if (!partOfWord) {
    return bare(tag, value, dialect);
  }
  if (!/^\w*$/.test(value)) {
    throw new CannotCarry(tag, "stands within a word, where only letters, digits and underscores can");
  }
  return value;
}

/** Puts values into a statement. */
export function sqlQuoter(flat: Flat, dialect: SqlDialect): Quoter {
  return quoterOf(sqlPlaces(flat, dialect), (place, tag, value) => sqlValue(place, tag, value, dialect));
}
