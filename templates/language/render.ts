import { Secret } from "../../contracts/secret.ts";
import { CannotCarry } from "./cannot-carry.ts";
import type { Context, SqlDialect } from "./dialect.ts";
import { type Flat, flatten } from "./flat.ts";
import { dnQuoter, filterQuoter } from "./quote-ldap.ts";
import { sqlQuoter } from "./quote-sql.ts";
import { typedQuoter } from "./quote-typed.ts";
import { jsonQuoter, urlQuoter } from "./quote-web.ts";
import { type Quoter, quoterOf } from "./quoter.ts";
import { type Command, NEW_PASSWORD_TAGS, type Tag, type TagName, type TagValues, type Text } from "./script.ts";

export { CannotCarry } from "./cannot-carry.ts";

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

function plainQuoter(flat: Flat): Quoter {
  return quoterOf(new Map([...flat.tags.keys()].map((mark) => [mark, ""])), (_, tag, value) => {
    if (value.includes("\0")) {
      throw new CannotCarry(tag, "holds a NUL");
    }
    return value;
  });
}

/** Puts values into a regular expression, where each matches itself. */
function regexQuoter(flat: Flat): Quoter {
  const places = new Map([...flat.tags.keys()].map((mark) => [mark, ""]));
  return quoterOf(places, (_, __, value) => value.replaceAll(/[\\^$.|?*+()[\]{}/-]/g, "\\$&"));
}

/** What puts values into a text of a context. */
export function quoterFor(flat: Flat, context: Context, sql: SqlDialect): Quoter {
  switch (context) {
    case "typed":
      return typedQuoter(flat);
    case "sql":
      return sqlQuoter(flat, sql);
    case "ldap-filter":
      return filterQuoter(flat);
    case "ldap-dn":
      return dnQuoter(flat);
    case "json":
      return jsonQuoter(flat);
    case "url":
      return urlQuoter(flat);
    case "regex":
      return regexQuoter(flat);
    case "pattern":
    case "plain":
      return plainQuoter(flat);
  }
}

/**
 * A text with its values, each quoted for where it stands.
 * @param sql of context `sql`
 * @throws CannotCarry when a value cannot stand where its tag does, or is not known
 */
export function renderText(text: Text, values: TagValues, context: Context, sql: SqlDialect = "postgresql"): string {
  const flat = flatten(text);
  const quoter = quoterFor(flat, context, sql);
  let rendered = "";
  let done = 0;
  for (const [mark, tag] of flat.tags) {
    rendered += flat.source.slice(done, mark) + quoter.quote(mark, tag.tag, valueOf(tag, values));
    done = mark + 1;
  }
  return rendered + flat.source.slice(done);
}
