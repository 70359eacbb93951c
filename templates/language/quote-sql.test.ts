import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SqlDialect } from "./dialect.ts";
import { anyValue } from "./nasty.ts";
import { CannotCarry, renderText } from "./render.ts";
import type { TagName, Text } from "./script.ts";
import { scanSql } from "./sql-spans.ts";

const USER = { tag: "USERNAME" } as const;
const NEW = { tag: "NEW_PASSWORD" } as const;
const UID = { tag: "UID" } as const;
const DIALECTS = ["postgresql", "mysql", "oracle", "sql-server"] as const;

function render(text: Text, value: string, sql: SqlDialect): string {
  const names: TagName[] = ["USERNAME", "NEW_PASSWORD", "UID"];
  return renderText(text, Object.fromEntries(names.map((name) => [name, value])), "sql", sql);
}

describe("a value in a statement", () => {
  it.each<[string, SqlDialect, Text, string, string]>([
    ["a literal", "postgresql", ["x '", NEW, "'"], `a'b"\\`, `x 'a''b"\\'`],
    ["a literal with escapes", "postgresql", ["x E'", NEW, "'"], `a'\\`, `x E'a''\\\\'`],
    ["a literal of MySQL", "mysql", ["x '", NEW, "'"], `a'b"\\`, `x 'a''b"\\\\'`],
    ["one in double quotes", "mysql", ['x "', NEW, '"'], `a'b"\\`, `x "a'b""\\\\"`],
    ["a national literal", "sql-server", ["x N'", NEW, "'"], "a'b\\", "x N'a''b\\'"],
    ["a name in double quotes", "postgresql", ['x "', USER, '"'], `a'b"`, `x "a'b"""`],
    ["a name in backticks", "mysql", ["x `", USER, "`"], "a`b\\", "x `a``b\\`"],
    ["a name in brackets", "sql-server", ["x [", USER, "]"], "a]b[", "x [a]]b[]"],
    ["a name without quotes", "postgresql", ["x ", USER, " y"], 'Joe"', 'x "Joe""" y'],
    ["a name without quotes", "mysql", ["x ", USER, "@'%'"], "jo`e", "x `jo``e`@'%'"],
    ["a name without quotes", "sql-server", ["x ", USER], "a]b", "x [a]]b]"],
    ["a name without quotes", "oracle", ["x ", USER], "joe", "x joe"],
    ["an odd name without quotes", "oracle", ["x ", USER], "jo e", 'x "jo e"'],
    ["a password without quotes", "postgresql", ["x ", NEW], "a'b", "x 'a''b'"],
    ["a password without quotes", "sql-server", ["x ", NEW, ","], "a'b", "x N'a''b',"],
    ["a password without quotes", "oracle", ["x ", NEW], "1a;b", 'x "1a;b"'],
    ["a number", "mysql", ["x ", UID], "12", "x 12"],
    ["what is no number", "mysql", ["x ", UID], "1 or 1=1", "x '1 or 1=1'"],
    ["part of a name", "postgresql", ["x app_", USER], "joe", "x app_joe"],
    ["text in dollar quotes", "postgresql", ["x $$", NEW, "$$"], "a;b", "x $$a;b$$"],
    ["code in dollar quotes", "postgresql", ["DO $$ x '", NEW, "'; $$"], "a'b", "DO $$ x 'a''b'; $$"],
  ])("%s (%s)", (_, sql, text, value, statement) => {
    expect(render(text, value, sql)).toBe(statement);
  });

  it.each<[string, SqlDialect, Text, string]>([
    ["a NUL", "mysql", ["x '", NEW, "'"], "a\0"],
    ["a quote in Oracle's quotes", "oracle", ['IDENTIFIED BY "', NEW, '"'], 'a"b'],
    ["a quote in a bare password of Oracle", "oracle", ["IDENTIFIED BY ", NEW], 'a"b'],
    ["what a backslash would take", "mysql", ["x 'CORP\\", NEW, "'"], "'a"],
    ["nothing behind a backslash", "postgresql", ["x E'CORP\\", NEW, "'"], ""],
    ["the end of a comment that is none", "mysql", ["x /*!50000 '", NEW, "' */"], "*/ y"],
    ["anything beside a literal", "postgresql", ["x 'a'", NEW], "b-c"],
    ["an empty name", "postgresql", ["x ", USER], ""],
    ["more than a word in a word", "postgresql", ["x app_", USER], "a-b"],
    ["a dollar in dollar quotes", "postgresql", ["x $a$", NEW, "$a$"], "a$a$;b"],
    ["a dollar in code in dollar quotes", "postgresql", ["DO $$ x '", NEW, "'; $$"], "a$$b"],
    ["the end of Oracle's quotes", "oracle", ["x q'[", NEW, "]'"], "a]'b"],
  ])("refuses %s (%s)", (_, sql, text, value) => {
    expect(() => render(text, value, sql)).toThrow(CannotCarry);
    expect(() => render(text, "joe", sql)).not.toThrow();
  });
});

describe.each(DIALECTS)("any value in %s", (sql) => {
  it.each<[string, Text]>([
    ["literal", ["SELECT '", NEW, "', 'after' -- end"]],
    [
      "quoted name",
      [sql === "mysql" ? "SELECT `" : 'SELECT "', USER, sql === "mysql" ? "`, 'after' -- end" : "\", 'after' -- end"],
    ],
    ["bare name", ["SELECT ", USER, ", 'after' -- end"]],
    ["bare password", ["SELECT ", NEW, ", 'after' -- end"]],
  ])("leaves the statement's other parts what they are: %s", (_, text) => {
    const shape = (statement: string) =>
      scanSql(statement, sql)
        .map(({ kind, close }) => kind + close)
        .join(" ");
    const shapes = new Set<string>();
    fc.assert(
      fc.property(anyValue, (value) => {
        try {
          const statement = render(text, value, sql);
          shapes.add(shape(statement));
          expect(statement.endsWith(", 'after' -- end")).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(CannotCarry);
        }
      }),
      { numRuns: 200 },
    );
    // Oracle's plain names stay without quotes, and some text need not meet a name like that.
    expect([1, 2]).toContain(shapes.size);
  });
});

describe("a real database", () => {
  it("gets literals and names as they are", () => {
    const database = new DatabaseSync(":memory:");
    fc.assert(
      fc.property(
        anyValue.filter((value) => value !== "" && !value.includes("\0") && value.isWellFormed()),
        (value) => {
          const statement = render(["SELECT '", NEW, "' AS \"", USER, '" -- ', "x"], value, "postgresql");
          expect(Object.entries(database.prepare(statement).get() ?? {})).toEqual([[value, value]]);
        },
      ),
      { numRuns: 200 },
    );
    database.close();
  });
});
