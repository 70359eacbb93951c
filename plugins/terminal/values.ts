/** What the texts of a template are with the values of one execution. */
import type { Secret } from "../../contracts/secret.ts";
import type { ErrorCode } from "../../contracts/errors.ts";
import { forbidsNameAlone, withoutAbsence } from "../../templates/language/absence.ts";
import type { Context } from "../../templates/language/dialect.ts";
import { CannotCarry, hasTag, renderText } from "../../templates/language/render.ts";
import {
  type BoundScript,
  type Command,
  NEW_PASSWORD_TAGS,
  PASSWORD_TAGS,
  SENDS,
  type TagName,
  type TagValues,
  type Text,
} from "../../templates/language/script.ts";
import { PluginFailure } from "../plugin.ts";
import { globOf, literal, type Pattern, regex } from "./patterns.ts";
import { openLine } from "./text.ts";

/** The values, of which those that are made when they are used are told to `made`. */
export function telling(values: TagValues, made: (secret: Secret) => void): TagValues {
  const told = Object.entries(values).map(([tag, value]) => [
    tag,
    typeof value === "function"
      ? () => {
          const secret = value();
          made(secret);
          return secret;
        }
      : value,
  ]);
  return Object.fromEntries(told) as TagValues;
}

/**
 * Makes sure before anything is sent that every text can be.
 * @throws PluginFailure `change.refused` when the new password cannot stand where the template wants it
 */
export function checkValues({ script, values }: BoundScript): void {
  const tried = Object.fromEntries(
    Object.entries(values).map(([tag, value]) => [tag, typeof value === "function" ? "000000" : value]),
  ) as TagValues;
  for (const command of script.commands) {
    if (SENDS.has(command.name)) typed(command, tried);
    else if (WAITS.has(command.name)) patternOf(command, tried);
  }
}

/** What is typed. Throws {@link PluginFailure}. */
export function typed(command: Command, values: TagValues): string {
  return command.args.map((text) => render(command, text, { values, context: "typed" })).join(" ");
}

/** What the transcript says of it: tags stay tags. */
export function shownText({ name, args }: Command): string {
  const texts = args.map((text) => text.map((part) => (typeof part === "string" ? part : `[#${part.tag}#]`)).join(""));
  return [name, ...texts].join(" ").trimEnd();
}

/** Whether a text is a password and nothing else: it answers a prompt. */
export function isPasswordAlone({ args }: Command): boolean {
  const parts = args.flat().filter((part) => typeof part !== "string" || part.trim() !== "");
  return parts.length === 1 && parts.every((part) => typeof part !== "string" && hasTag([part], PASSWORD_TAGS));
}

export function carriesPassword({ args }: Command): boolean {
  return args.some((text) => hasTag(text, PASSWORD_TAGS));
}

export function carriesTag({ args }: Command): boolean {
  return args.flat().some((part) => typeof part !== "string");
}

/** Commands that wait for a pattern, or forbid one. */
const WAITS: ReadonlySet<string> = new Set(["expect", "expect-regex", "read", "no-expect"]);

/** What a command waits for. Throws {@link PluginFailure}. */
export function patternOf(command: Command, values: TagValues): Pattern {
  const text = command.args[0] ?? [];
  if (command.name === "read") return literal(render(command, text, { values, context: "plain" }));
  if (command.name !== "expect-regex") return globOf(globParts(command, text, values));
  try {
    return regex(render(command, text, { values, context: "regex" }));
  } catch (error) {
    if (error instanceof PluginFailure) throw error;
    throw new PluginFailure("target.unexpected", "the regular expression cannot be run", { cause: error });
  }
}

/**
 * What a command waits for before anything was typed: authors write `*$` for whatever prompt stands there, root's too.
 * Throws {@link PluginFailure}.
 */
export function atLogIn(command: Command, values: TagValues): Pattern {
  const pattern = patternOf(command, values);
  const [text] = command.args[0] ?? [];
  if (command.name !== "expect" || typeof text !== "string" || !/^\*\$\s*\*?$/.test(text)) return pattern;
  return (seen) => pattern(seen) ?? (/#\s*$/.test(openLine(seen)) ? globOf(["", "#", ""])(seen) : undefined);
}

/** What a command says must not come. Throws {@link PluginFailure}. */
export function unwantedOf(command: Command, values: TagValues): Pattern {
  const pattern = patternOf(command, values);
  return forbidsNameAlone(command) ? (seen) => pattern(withoutAbsence(seen)) : pattern;
}

/** The texts between the stars of a glob; a star in a value means itself. */
function globParts(command: Command, text: Text, values: TagValues): string[] {
  const parts = [""];
  for (const part of text) {
    const [first = "", ...rest] =
      typeof part === "string" ? part.split("*") : [render(command, [part], { values, context: "plain" })];
    parts[parts.length - 1] += first;
    parts.push(...rest);
  }
  return parts;
}

function render(command: Command, text: Text, as: { values: TagValues; context: Context }): string {
  try {
    return renderText(text, as.values, as.context);
  } catch (error) {
    if (!(error instanceof CannotCarry)) throw error;
    throw new PluginFailure(codeFor(error.tag, as.values), `line ${command.line}: ${error.message}`);
  }
}

function codeFor(tag: TagName, values: TagValues): ErrorCode {
  if (NEW_PASSWORD_TAGS.some((name) => name === tag)) return "change.refused";
  if (values[tag] === undefined && PASSWORD_TAGS.some((name) => name === tag)) return "credential.no-password";
  return tag === "USERNAME" ? "account.unknown" : "target.unexpected";
}

/** The first number that a command of the script gives; undefined when it has none. */
export function settingOf(script: BoundScript | undefined, name: string): number | undefined {
  const command = script?.script.commands.find((each) => each.name === name);
  return command && numberOf(command);
}

/** A command's number. */
export function numberOf({ args }: Command): number {
  const [text] = args[0] ?? [];
  const number = typeof text === "string" ? Number(text) : Number.NaN;
  return Number.isFinite(number) && number >= 0 ? number : 0;
}
