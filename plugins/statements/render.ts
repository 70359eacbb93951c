/** Templates of SQL statements, for the plugins of databases: each statement with its values, before any is sent. */
import type { SqlDialect } from "../../templates/language/dialect.ts";
import { CannotCarry, carriesNewPassword, hasTag, renderText } from "../../templates/language/render.ts";
import {
  type BoundScript,
  type Command,
  NEW_PASSWORD_TAGS,
  PASSWORD_TAGS,
  type TagValues,
} from "../../templates/language/script.ts";
import { PluginFailure } from "../plugin.ts";

/** One statement, ready to be sent. */
export interface Statement {
  /** It may hold a password: not for any log. */
  readonly sql: string;
  /** Its first words, as the template has them. */
  readonly title: string;
  /** Line of the template, from 1. */
  readonly line: number;
  readonly carriesNewPassword: boolean;
}

interface Rendering {
  readonly sql: SqlDialect;
  /** Gives other values to a statement than the script's: a hash for a password. */
  valuesFor?(command: Command, values: TagValues): TagValues;
}

/**
 * All statements of a script with their values, quoted for where they stand.
 * @throws PluginFailure `change.refused` when the new password, `template.refused` when another value cannot stand
 * where its tag does; nothing was sent then
 */
export function renderStatements({ script, values }: BoundScript, { sql, valuesFor }: Rendering): Statement[] {
  return script.commands
    .filter(({ name }) => name === "statement")
    .map((command) => ({
      sql: render(command, valuesFor?.(command, values) ?? values, sql),
      title: titleOf(command),
      line: command.line,
      carriesNewPassword: carriesNewPassword(command),
    }));
}

/**
 * The statements before the first one that carries any password.
 * @returns `until`: that one's line; undefined when there is none
 * @throws PluginFailure as {@link renderStatements}
 */
export function rehearsable(bound: BoundScript, sql: SqlDialect): { statements: Statement[]; until?: number } {
  const { commands } = bound.script;
  const at = commands.findIndex(({ args }) => args.some((text) => hasTag(text, PASSWORD_TAGS)));
  const before = at === -1 ? commands : commands.slice(0, at);
  const statements = renderStatements({ script: { commands: before }, values: bound.values }, { sql });
  const until = commands[at]?.line;
  return { statements, ...(until === undefined ? {} : { until }) };
}

function render(command: Command, values: TagValues, sql: SqlDialect): string {
  try {
    return renderText(command.args[0] ?? [], values, "sql", sql);
  } catch (error) {
    if (!(error instanceof CannotCarry)) throw error;
    const ofPassword = NEW_PASSWORD_TAGS.some((tag) => tag === error.tag);
    throw new PluginFailure(
      ofPassword ? "change.refused" : "template.refused",
      `Line ${command.line}: ${error.message}`,
    );
  }
}

/** The words before the first tag or literal: a value is never among them. */
function titleOf({ args }: Command): string {
  const [first = ""] = args[0] ?? [];
  const words = typeof first === "string" ? /^[\sA-Za-z_]{0,40}/.exec(first)?.[0].trim() : "";
  return (words || "a statement").replaceAll(/\s+/g, " ");
}
