import { Secret } from "../../contracts/secret.ts";
import { CannotCarry } from "./cannot-carry.ts";
import type { Context, SqlDialect } from "./dialect.ts";
import { type Flat, flatten } from "./flat.ts";
import { dnValue, filterValue } from "./quote-ldap.ts";
import { sqlPlaces, sqlValue } from "./quote-sql.ts";
import { isAnswer, shellPlaces, typedAnswer, typedWord } from "./quote-typed.ts";
import { jsonValue, urlValue } from "./quote-web.ts";
import { type Command, NEW_PASSWORD_TAGS, type Tag, type TagName, type TagValues, type Text } from "./script.ts";

export { CannotCarry } from "./cannot-carry.ts";

/** Puts a value in at a mark. */
type Quoter = (mark: number, tag: TagName, value: string) => string;

/**
 * The value of a tag in clear text: hand it to the device and nowhere else.
 * @throws CannotCarry when there is none
 */
export function valueOf({ tag }: Tag, values: TagValues): string {
  const value = values[tag];
  if (value === undefined) {
    throw new CannotCarry(tag, "is not known");
  }
  const given = typeof value === "function" ? value() : value;
  return given instanceof Secret ? given.reveal() : given;
}

/** Whether any of these tags stands in a text. */
export function hasTag(text: Text, names: readonly TagName[]): boolean {
  return text.some((part) => typeof part !== "string" && names.includes(part.tag));
}

/** Whether a command carries a new password, in whatever it does with it. */
export function carriesNewPassword(command: Command): boolean {
  return command.args.some((text) => hasTag(text, NEW_PASSWORD_TAGS));
}

function plainValue(tag: TagName, value: string): string {
  if (value.includes("\0")) {
    throw new CannotCarry(tag, "holds a NUL");
  }
  return value;
}

function typedQuoter(flat: Flat): Quoter {
  if (isAnswer(flat)) {
    return (_, tag, value) => typedAnswer(tag, value);
  }
  const places = shellPlaces(flat);
  return (mark, tag, value) => {
    const place = places.get(mark);
    if (place === undefined) {
      throw new CannotCarry(tag, "stands where no value can");
    }
    return typedWord(tag, value, place);
  };
}

function sqlQuoter(flat: Flat, dialect: SqlDialect): Quoter {
  const places = sqlPlaces(flat, dialect);
  return (mark, tag, value) => {
    const place = places.get(mark);
    if (place === undefined) {
      throw new CannotCarry(tag, "stands where no value can");
    }
    return sqlValue(tag, value, place, dialect);
  };
}

function quoterFor(flat: Flat, context: Context, sql: SqlDialect): Quoter {
  switch (context) {
    case "typed":
      return typedQuoter(flat);
    case "sql":
      return sqlQuoter(flat, sql);
    case "ldap-filter":
      return (mark, tag, value) => filterValue(flat, mark, tag, value);
    case "ldap-dn":
      return (mark, tag, value) => dnValue(flat, mark, tag, value);
    case "json":
      return (mark, _, value) => jsonValue(flat, mark, value);
    case "url":
      return (mark, tag, value) => urlValue(flat, mark, tag, value);
    case "regex":
      return (_, __, value) => value.replaceAll(/[\\^$.|?*+()[\]{}/-]/g, "\\$&");
    case "pattern":
    case "plain":
      return (_, tag, value) => plainValue(tag, value);
  }
}

/**
 * A text with its values, each quoted for where it stands.
 * @param sql of context `sql`
 * @throws CannotCarry when a value cannot stand where its tag does, or is not known
 */
export function renderText(text: Text, values: TagValues, context: Context, sql: SqlDialect = "postgresql"): string {
  const flat = flatten(text);
  const quote = quoterFor(flat, context, sql);
  let rendered = "";
  let done = 0;
  for (const [mark, tag] of flat.tags) {
    rendered += flat.source.slice(done, mark) + quote(mark, tag.tag, valueOf(tag, values));
    done = mark + 1;
  }
  return rendered + flat.source.slice(done);
}
