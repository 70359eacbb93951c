/** No body makes the language throw, or take more time than its length is worth: that would outlast the test's limit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkTemplate } from "./check.ts";
import type { Dialect } from "./dialect.ts";
import { formatTemplate } from "./format.ts";
import { argumentContext } from "./legal.ts";
import { anyValue } from "./nasty.ts";
import { CannotCarry, renderText } from "./render.ts";
import { ALL, EXPECT, LINES, statements } from "./sample-dialects.ts";
import type { Script, TagValues } from "./script.ts";
import { anyBody } from "./wild-bodies.ts";

function renderAll(script: Script, dialect: Dialect, values: TagValues): void {
  for (const command of script.commands) {
    for (const [index, text] of command.args.entries()) {
      try {
        renderText(text, values, argumentContext(command, index, dialect), dialect.sql);
      } catch (error) {
        expect(error).toBeInstanceOf(CannotCarry);
      }
    }
  }
}

function through(body: string, dialect: Dialect, value: string): void {
  const { script, complaints } = checkTemplate({ body, dialect, kind: "change-password" });
  const lines = body.split(/\r\n|\n|\r/).length;
  expect(complaints.every(({ line, column }) => line >= 1 && line <= lines && column >= 1)).toBe(true);
  formatTemplate(body, dialect);
  renderAll(script, dialect, { USERNAME: value, NEW_PASSWORD: value });
}

describe.each(ALL.map((dialect) => [dialect.sql ?? dialect.form, dialect] as const))("%s", (_, dialect) => {
  it("takes any text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200, unit: "binary" }), anyValue, (body, value) =>
        through(body, dialect, value),
      ),
      { numRuns: 500 },
    );
  });

  it("takes any text that is nearly right", () => {
    fc.assert(
      fc.property(anyBody(dialect), anyValue, (body, value) => through(body, dialect, value)),
      { numRuns: 1000 },
    );
  });
});

/** Long enough that whatever takes the square of a length does not end in time. */
const LENGTH = 250_000;
const long = (piece: string, before = "", length = LENGTH) => before + piece.repeat(Math.ceil(length / piece.length));

describe("a body", () => {
  it.each<[string, string, Dialect[]]>([
    ["of a megabyte in one line", long('a"\\" [#USERNAME#] ', 'exec "', 1_000_000), [LINES, EXPECT]],
    ["of a hundred thousand lines", 'exec "a"\n'.repeat(100_000), [LINES]],
    ["of a name", long("x"), [LINES, EXPECT]],
    ["of blanks", long(" ", "exec x"), [LINES, EXPECT]],
    ["of quotes", long('"', 'exec "'), [LINES, EXPECT]],
    ["of escaped quotes", long('\\"', 'exec "'), [LINES, EXPECT]],
    ["of backslashes", long("\\", 'exec "'), [LINES, EXPECT]],
    ["of parentheses in arguments", long("( ", "arguments "), [LINES]],
    ["of deep parentheses", long("(", "find x "), [LINES]],
    ["of braces", long("{ ", "expect "), [EXPECT]],
    ["of lines of Tcl in no block", long('send "{"\n'), [EXPECT]],
    ["of half tags", long("[#", 'exec "'), [LINES, EXPECT]],
    ["of half tags with blanks", long("[# ", 'exec "'), [LINES]],
    ["of tags in a line", long("[#NEW_PASSWORD#] ", 'exec "x '), [LINES]],
    ["of tags in a filter", long("(a=[#NEW_PASSWORD#])", 'find "x" "'), [LINES]],
    ["of tags in JSON", long('[#NEW_PASSWORD#]\\"', 'body "'), [LINES]],
    ["of tags in a URL", long("[#NEW_PASSWORD#]", 'request "http://'), [LINES]],
    ["of unknown tags", long("[#FOO#]", 'exec "'), [LINES]],
    ["of opened commands", long("$(", 'exec "x '), [LINES]],
    ["of opened commands with tags", long("$([#NEW_PASSWORD#]", 'exec "x '), [LINES]],
    ["of commands one after another", long("$(x [#NEW_PASSWORD#])", 'exec "x '), [LINES]],
    ["of a regular expression", long("(a+)+", 'expect-regex "/'), [LINES]],
    ["of a glob", long(".*\\r", 'expect "'), [LINES]],
    ["of lines", long('exec "passwd [#NEW_PASSWORD#]"\n'), [LINES]],
    ["of unknown lines", long("exce\n"), [LINES]],
    ["after the end", long("x\n", "end\n"), [LINES]],
    ["of statements", long("alter user x password '[#NEW_PASSWORD#]';\n"), [statements("oracle")]],
    ["of literals", long("' "), [statements("mysql")]],
    ["of dollar quotes", long("$a$ $b$ "), [statements("postgresql")]],
    ["of code in dollar quotes", long("AS $$ '[#USERNAME#]' $$ "), [statements("postgresql")]],
    ["of comments in comments", long("/* "), [statements("sql-server")]],
    ["of comments", long("--\n"), [statements("postgresql")]],
    ["of hashes", long("#", "x"), [statements("postgresql")]],
    ["of brackets", long("["), [statements("sql-server")]],
    ["of line ends of Oracle", long("x\n/\n"), [statements("oracle")]],
    ["of blanks after GO", long(" ", "GO"), [statements("sql-server")]],
    ["of literals in dollar quotes", `DO $$${long("'' ")}$$`, [statements("postgresql")]],
    ["of blocks", long("BEGIN x; END;\n"), [statements("oracle"), statements("sql-server")]],
  ])("%s", (_, body, dialects) => {
    for (const dialect of dialects) {
      through(body, dialect, "a'b");
    }
  });
});
