import type { LegalPassword } from "../../contracts/strength.ts";
import { CannotCarry } from "./cannot-carry.ts";
import type { Context, Dialect } from "./dialect.ts";
import { flatten } from "./flat.ts";
import { isAnswer } from "./quote-typed.ts";
import { contextOf, findRule } from "./read-lines.ts";
import { hasTag, renderText } from "./render.ts";
import { type Command, NEW_PASSWORD_TAGS, type Script, type TagValues, type Text } from "./script.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
/** No template limits a length; the plugin does. */
const LONGEST = 4096;
/** What needs no quotes in a shell and in a device's command line, and does not end a pattern of `sed`. */
const ARGUMENT = /^[\w.+=,:@-]*$/;

interface Place {
  readonly text: Text;
  readonly context: Context;
}

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

function carries({ text, context }: Place, password: string, dialect: Dialect): boolean {
  if (isArgument(text, context) && !ARGUMENT.test(password)) {
    return false;
  }
  const values: TagValues = Object.fromEntries(
    text.flatMap((part) => {
      const isNew = typeof part !== "string" && hasTag([part], NEW_PASSWORD_TAGS);
      return typeof part === "string" ? [] : [[part.tag, isNew ? password : "a"]];
    }),
  );
  try {
    renderText(text, values, context, dialect.sql);
    return true;
  } catch (error) {
    if (error instanceof CannotCarry) {
      return false;
    }
    throw error;
  }
}

/**
 * What a new password may hold so that every place of a script that carries it can: printable ASCII, less what a place
 * cannot hold, or what a command line would need quotes for.
 */
export function legalFor(script: Script, dialect: Dialect): LegalPassword {
  const places = script.commands.flatMap((command) =>
    command.args
      .map((text, index) => ({ text, context: argumentContext(command, index, dialect) }))
      .filter(({ text }) => hasTag(text, NEW_PASSWORD_TAGS)),
  );
  const among = (characters: string, wrap: (character: string) => string) =>
    [...characters].filter((one) => places.every((place) => carries(place, wrap(one), dialect))).join("");
  const alphabet = among(PRINTABLE, (one) => `a${one}a`);
  return { alphabet, minLength: 1, maxLength: LONGEST, firstCharacter: among(alphabet, (one) => `${one}a`) };
}
