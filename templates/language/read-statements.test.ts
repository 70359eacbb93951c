import { describe, expect, it } from "vitest";
import type { SqlDialect } from "./dialect.ts";
import { readTemplate } from "./read.ts";
import { statements } from "./sample-dialects.ts";

function read(body: string, sql: SqlDialect) {
  const { script, complaints } = readTemplate(body, statements(sql));
  return {
    texts: script.commands.map(({ args }) =>
      (args[0] ?? []).map((part) => (typeof part === "string" ? part : `<${part.tag}>`)).join(""),
    ),
    lines: script.commands.map(({ line }) => line),
    complaints,
  };
}

describe("statements", () => {
  it("end with a semicolon or the body, wherever one counts", () => {
    const body = "\uFEFF\r\n-- one; comment\r\nSELECT ';', \"a;b\" /* ; */ ;;\r\n\r\n# two\nSELECT\n'it''s'";
    expect(read(body, "postgresql")).toMatchObject({
      texts: ["SELECT ';', \"a;b\"", "SELECT\n'it''s'"],
      lines: [3, 6],
      complaints: [],
    });
  });

  it("hold tags, in any case, in any place", () => {
    const body = "alter user [#username#] password '[#NEW_PASSWORD#]';\nselect [#FOO#]";
    const { texts, complaints } = read(body, "postgresql");
    expect(texts).toEqual(["alter user <USERNAME> password '<NEW_PASSWORD>'", "select [#FOO#]"]);
    expect(complaints).toMatchObject([{ rule: "tag.unknown", line: 2, column: 8 }]);
  });

  it.each<[SqlDialect, string, string[]]>([
    [
      "mysql",
      String.raw`SELECT 'a\';b'; # c;` + "\nSELECT `a;b`; -- x;\nSELECT 1--1",
      [String.raw`SELECT 'a\';b'`, "SELECT `a;b`", "SELECT 1--1"],
    ],
    ["mysql", "/*!50000 SET x=1 */; SELECT 1", ["/*!50000 SET x=1 */", "SELECT 1"]],
    ["postgresql", String.raw`SELECT 'a\'; SELECT E'a\';b'`, [String.raw`SELECT 'a\'`, String.raw`SELECT E'a\';b'`]],
    ["postgresql", "DO $x$ BEGIN a; b; END $x$; SELECT $1;", ["DO $x$ BEGIN a; b; END $x$", "SELECT $1"]],
    ["postgresql", "SELECT 1 /* a /* b; */ c; */ ; SELECT 2", ["SELECT 1", "SELECT 2"]],
    ["oracle", "SELECT q'[it's; so]' FROM x; SELECT 1", ["SELECT q'[it's; so]' FROM x", "SELECT 1"]],
    ["oracle", "BEGIN\n a;\n b;\nEND;\n/\nSELECT 1;", ["BEGIN\n a;\n b;\nEND;", "SELECT 1"]],
    [
      "sql-server",
      "ALTER LOGIN [[#USERNAME#]] WITH PASSWORD = 'a'; SELECT [a;b]]]",
      ["ALTER LOGIN [<USERNAME>] WITH PASSWORD = 'a'", "SELECT [a;b]]]"],
    ],
    ["sql-server", "DECLARE @x int; SET @x = 1;\nGO\nSELECT 1;", ["DECLARE @x int; SET @x = 1;", "SELECT 1"]],
    ["sql-server", "BEGIN TRAN; SELECT 1; COMMIT", ["BEGIN TRAN", "SELECT 1", "COMMIT"]],
  ])("of %s: %s", (sql, body, texts) => {
    expect(read(body, sql)).toMatchObject({ texts, complaints: [] });
  });

  it.each<[string, string[], number[]]>([
    ["CONN [#USERNAME#]@[#ADD_INFO#]\n\nALTER USER [#USERNAME#] x", ["ALTER USER <USERNAME> x"], [3]],
    ["connect a/b\r\nSELECT 1;\nSELECT 2", ["SELECT 1", "SELECT 2"], [2, 3]],
    ["SELECT 1;\nConn [#AUTH_USER#]", ["SELECT 1"], [1]],
  ])("do not hold the line that connects SQL*Plus: %j", (body, texts, lines) => {
    const said = read(body, "oracle");
    expect(said).toMatchObject({ texts, lines, complaints: [{ rule: "sql.connect", severity: "warning" }] });
  });

  it.each(["GRANT\nCONNECT TO [#USERNAME#]", "CONNECT BY PRIOR a = b", "GRANT CONNECT TO x"])(
    "hold what only looks like it: %j",
    (body) => {
      expect(read(body, "oracle")).toMatchObject({
        texts: [body.replace("[#USERNAME#]", "<USERNAME>")],
        complaints: [],
      });
    },
  );

  it.each(["SELECT 1;\n 'open", 'SELECT 1;\n "open', "SELECT 1;\n /* open", "SELECT 1;\n $$ open"])(
    "that do not end are refused: %j",
    (body) => {
      expect(read(body, "postgresql").complaints).toMatchObject([
        { rule: "sql.unclosed", severity: "refusal", line: 2, column: 2 },
      ]);
    },
  );
});
