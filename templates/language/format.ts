import type { Context, Dialect } from "./dialect.ts";
import { cleanBody } from "./flat.ts";
import { argumentContext } from "./legal.ts";
import { findRule, linesOf, readEachLine, writtenIn } from "./read-lines.ts";
import type { Command, Text } from "./script.ts";
import { upperCaseTags } from "./tags.ts";

/** Characters that a text of Tcl's writes with a backslash. */
const TCL: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function tclLiteral(text: string): string {
  return (
    text
      .replaceAll(/[\\"[\]$]/g, "\\$&")
      // oxlint-disable-next-line no-control-regex -- control characters are what is escaped
      .replaceAll(/[\x00-\x1f\x7f]/g, (char) => TCL[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
  );
}

function lineLiteral(text: string, context: Context): string {
  const escaped = text.replaceAll(/[\\"]/g, "\\$&");
  return context === "pattern" || context === "regex"
    ? escaped.replaceAll("\n", "\\n").replaceAll("\r", "\\r")
    : escaped.replaceAll("\n", "[nl]");
}

/** A word that needs no quotes wherever it stands. */
function isWord(text: Text): boolean {
  const [part] = text;
  return text.length === 1 && (typeof part === "string" ? /^[\w.:/@-]+$/.test(part) : part !== undefined);
}

function writeArgument(text: Text, context: Context, dialect: Dialect): string {
  const tcl = dialect.form === "expect";
  const inner = text
    .map((part) => {
      if (typeof part !== "string") return `[#${part.tag}#]`;
      return tcl ? tclLiteral(part) : lineLiteral(part, context);
    })
    .join("");
  const isOption = tcl && /^-[a-z]+$/.test(inner);
  return (context === "plain" && isWord(text) && !inner.startsWith("--")) || isOption ? inner : `"${inner}"`;
}

function writeCommand(command: Command, dialect: Dialect): string {
  const written = writtenIn(dialect, findRule(dialect, command.name)?.rule);
  const args = command.args.map((text, index) =>
    writeArgument(text, argumentContext(command, index, dialect), written),
  );
  return [command.name, ...args].join(" ");
}

/** A line that stays. Within a block of Expect its indent shows what belongs together. */
function asWritten(text: string, dialect: Dialect): string {
  return dialect.form === "expect" ? text.trimEnd() : text.trim();
}

/**
 * Writes a template as it is meant: commands in lower case under their own names, tags in upper case, quotes mended,
 * one line end. Comments and lines that cannot be read stay. Reading the result gives the same script.
 */
export function formatTemplate(body: string, dialect: Dialect): string {
  const text = cleanBody(body);
  const lines =
    dialect.form === "statements"
      ? linesOf(text).map(upperCaseTags)
      : readEachLine(text, dialect).map((line) => {
          const [command, ...more] = line.reading?.value ?? [];
          return command === undefined || more.length > 0
            ? asWritten(line.text, dialect)
            : writeCommand(command, dialect);
        });
  while (lines.at(-1) === "") {
    lines.pop();
  }
  return `${lines.join("\n")}\n`;
}
