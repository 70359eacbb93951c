import type { LegalPassword } from "../../contracts/strength.ts";
import { CannotCarry } from "./cannot-carry.ts";
import type { Context, Dialect, SqlDialect } from "./dialect.ts";
import { flatten } from "./flat.ts";
import { isAnswer } from "./quote-typed.ts";
import type { Quoter } from "./quoter.ts";
import { contextOf, findRule } from "./read-lines.ts";
import { hasTag, quoterFor } from "./render.ts";
import { type Command, NEW_PASSWORD_TAGS, type Script, type Text } from "./script.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
/** No template limits a length; the plugin does. */
const LONGEST = 4096;
/**
 * What needs no quotes in a shell and in a device's command line, and does not end a pattern of `sed`. It begins with
 * a letter or a digit: `-` would begin an option, and FRR refuses a password that begins with anything else.
 */
const ARGUMENT = /^[a-zA-Z0-9][\w.+=,:@-]*$/;

/** Says whether one kind of place can carry a password. */
type Carrier = (password: string) => boolean;

/** What an argument of a command is. */
export function argumentContext(command: Command, index: number, dialect: Dialect): Context {
  if (dialect.form === "statements") {
    return "sql";
  }
  const rule = findRule(dialect, command.name)?.rule;
  return rule === undefined ? "plain" : contextOf(rule, command.args, index);
}

/** Whether a typed text is a command line with a password among its words. */
export function isArgument(text: Text, context: Context): boolean {
  return context === "typed" && !isAnswer(flatten(text));
}

function canQuote(quoter: Quoter, mark: number, password: string): boolean {
  try {
    quoter.quote(mark, "NEW_PASSWORD", password);
    return true;
  } catch (error) {
    if (error instanceof CannotCarry) {
      return false;
    }
    throw error;
  }
}

/** The kinds of places in a text at which a new password stands, by key. */
function carriersOf(text: Text, context: Context, sql: SqlDialect): [key: string, Carrier][] {
  const flat = flatten(text);
  const quoter = quoterFor(flat, context, sql);
  const isWord = isArgument(text, context);
  const marks = [...flat.tags].filter(([, tag]) => hasTag([tag], NEW_PASSWORD_TAGS));
  return marks.map(([mark]) => [
    `${context} ${isWord} ${quoter.key(mark)}`,
    (password) => (!isWord || ARGUMENT.test(password)) && canQuote(quoter, mark, password),
  ]);
}

/**
 * What a new password may hold so that every place of a script that carries it can: printable ASCII, less what a place
 * cannot hold, or what a command line would need quotes for.
 */
export function legalFor(script: Script, dialect: Dialect): LegalPassword {
  const carriers = new Map(
    script.commands.flatMap((command) =>
      command.args.flatMap((text, index) =>
        hasTag(text, NEW_PASSWORD_TAGS)
          ? carriersOf(text, argumentContext(command, index, dialect), dialect.sql ?? "postgresql")
          : [],
      ),
    ),
  );
  const among = (characters: string, wrap: (character: string) => string) =>
    [...characters].filter((one) => [...carriers.values()].every((carries) => carries(wrap(one)))).join("");
  const alphabet = among(PRINTABLE, (one) => `a${one}a`);
  return { alphabet, minLength: 1, maxLength: LONGEST, firstCharacter: among(alphabet, (one) => `${one}a`) };
}
