import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatTemplate } from "./format.ts";
import { readTemplate } from "./read.ts";
import { ALL, EXPECT, LINES, statements } from "./sample-dialects.ts";
import { anyBody } from "./wild-bodies.ts";

describe("a formatted template", () => {
  it("is what was meant", () => {
    const body =
      '\uFEFF# Kept  \r\n\r\n  EXEC clish\r\nset-new-line-mode "unix"\nnoexpect "*]\nexec "edit "[#username#]""\n' +
      'expect-regex "# "\nexec "a[NL]b"\nfoo  bar\nfind "dc=x" (uid=[#USERNAME#])\nexpect "ok\\n"\nend\nleft over';
    expect(formatTemplate(body, LINES)).toBe(
      '# Kept\n\nexec "clish"\nset-new-line-mode unix\nno-expect "*]"\nexec "edit \\"[#USERNAME#]\\""\n' +
        'expect-regex "/# /"\nexec "a[nl]b"\nfoo  bar\nfind "dc=x" "(uid=[#USERNAME#])"\nexpect "ok\\n"\nend\nleft over\n',
    );
  });

  it("is Tcl where it was", () => {
    const body = 'use telnet script\nsend -- "[#username#]\\r"\nexpect {*[Pp]assword: }\nexpect -re "a$"';
    expect(formatTemplate(body, EXPECT)).toBe(
      'use telnet script\nsend "[#USERNAME#]\\r"\nexpect "*\\[Pp\\]assword: "\nexpect -re "a\\$"\n',
    );
  });

  it("keeps statements as they are, but for tags and line ends", () => {
    const body = "select '[#username#]',\r\n  'a [#FOO#]'; -- x";
    expect(formatTemplate(body, statements("mysql"))).toBe("select '[#USERNAME#]',\n  'a [#FOO#]'; -- x\n");
  });
});

describe.each(ALL.map((dialect) => [dialect.sql ?? dialect.form, dialect] as const))(
  "any template of %s",
  (_, dialect) => {
    it("means the same when it was formatted, and is formatted once and for all", () => {
      const commands = (body: string) => readTemplate(body, dialect).script.commands;
      fc.assert(
        fc.property(anyBody(dialect), (body) => {
          const formatted = formatTemplate(body, dialect);
          expect(commands(formatted)).toEqual(commands(body));
          expect(formatTemplate(formatted, dialect)).toBe(formatted);
        }),
        { numRuns: 400 },
      );
    });
  },
);
