import { describe, expect, it } from "vitest";
import { readTemplate } from "./read.ts";
import { EXPECT, LINES } from "./sample-dialects.ts";
import type { Command, Text } from "./script.ts";

/** A text as a person writes it. */
const shown = (text: Text) => text.map((part) => (typeof part === "string" ? part : `<${part.tag}>`)).join("");
const said = ({ name, args }: Command) => [name, ...args.map(shown)];
const rules = (body: string, dialect = LINES) => readTemplate(body, dialect).complaints.map(({ rule }) => rule);
const only = (body: string, dialect = LINES) => readTemplate(body, dialect).script.commands.map(said);

describe("a line that breaks the rules is read as its author meant it", () => {
  it.each<[string, string, string[], string[]]>([
    ["as it should be", 'exec "passwd [#USERNAME#]"', ["exec", "passwd <USERNAME>"], []],
    ["escapes", String.raw`exec "a \"b\" \\ \d"`, ["exec", String.raw`a "b" \ \d`], []],
    ["blanks and tabs", '\t exec\t "a"  ', ["exec", "a"], []],
    ["no blank before the quote", 'exec"a"', ["exec", "a"], []],
    ["command and tag in another case", 'EXEC "[#username#]"', ["exec", "<USERNAME>"], []],
    ["no closing quote", 'expect "*]', ["expect", "*]"], ["quote.unclosed"]],
    ["no closing quote, an inner one", String.raw`exec "echo \"hi\"`, ["exec", 'echo "hi"'], ["quote.unclosed"]],
    ["a backslash before the last quote", String.raw`exec "dir C:\"`, ["exec", "dir C:\\"], ["quote.unclosed"]],
    ["no opening quote", 'exec clish"', ["exec", "clish"], ["quote.missing"]],
    ["no quotes", "exec show  version", ["exec", "show  version"], ["quote.missing"]],
    ["inner quotes", 'exec "edit "[#USERNAME#]""', ["exec", 'edit "<USERNAME>"'], ["quote.inner"]],
    ["something after the last argument", 'exec "a" # b', ["exec", "a"], ["argument.trailing"]],
    ["a quoted word", 'set-new-line-mode "unix"', ["set-new-line-mode", "unix"], []],
    ["another spelling", 'noexpect "x"', ["no-expect", "x"], []],
    ["a line break of PowerShell", 'exec "a[nl]b"', ["exec", "a\nb"], []],
    ["no argument where none is needed", "exec", ["exec"], []],
    ["a regular expression", 'expect-regex "/a+/i"', ["expect-regex", "/a+/i"], []],
    ["one without slashes", 'expect-regex "# "', ["expect-regex", "/# /"], ["regex.no-slashes"]],
    ["one without its end", 'expect-regex "/a+"', ["expect-regex", "/a+/"], ["regex.no-slashes"]],
    ["one that is plain text", 'expect-regex "/done/"', ["expect-regex", "/done/"], ["regex.literal"]],
    ["one that is a glob", 'expect-regex "*$"', ["expect-regex", String.raw`/(?s:.*)\$/`], ["regex.glob"]],
    [
      "a glob that is a regular expression",
      'expect ".*[Pp]assword.*"',
      ["expect", "**assword*"],
      ["pattern.not-a-glob"],
    ],
    ["a glob with an escape at its end", String.raw`expect "ok\r\n"`, ["expect", "ok\r\n"], ["pattern.not-a-glob"]],
    [
      "a glob with a set of a regular expression",
      'noexpect "PKI-[0-9]+"',
      ["no-expect", "PKI-*"],
      ["pattern.not-a-glob"],
    ],
    ["a glob with a set that is text", 'expect "Choose [1-3]:"', ["expect", "Choose [1-3]:"], []],
    [
      "a prompt's dollar sign as the end",
      'expect-regex "$ "',
      ["expect-regex", String.raw`/\$ /`],
      ["regex.no-slashes", "regex.dollar"],
    ],
    ["one between slashes", 'expect-regex "/a$ b$/"', ["expect-regex", String.raw`/a\$ b$/`], ["regex.dollar"]],
    [
      "an end that may be one",
      String.raw`expect-regex "/[$ #] *$ *|a$\r?/"`,
      ["expect-regex", String.raw`/[$ #] *$ *|a$\r?/`],
      [],
    ],
    ["the end of each line", 'expect-regex "/a$b/m"', ["expect-regex", "/a$b/m"], []],
    ["curly quotes", "exec “a b”", ["exec", "a b"], ["quote.curly"]],
    ["a curly quote that closes only", "exec ”[#NEW_PASSWORD#]”", ["exec", "<NEW_PASSWORD>"], ["quote.curly"]],
    ["curly quotes in straight ones", 'exec "say “a”"', ["exec", "say “a”"], []],
    ["blanks of a web page", '\u00A0exec\u00A0"a"\u00A0', ["exec", "a"], []],
    ["a Windows prompt", String.raw`expect "*C:\new>"`, ["expect", String.raw`*C:\new>`], []],
    ["dots that are dots", 'expect "wait...*"', ["expect", "wait...*"], []],
    ["nothing to wait for", 'expect ""', ["expect", ""], ["pattern.empty"]],
    ["a filter in quotes", 'find "dc=x" "(uid=[#USERNAME#])"', ["find", "dc=x", "(uid=<USERNAME>)"], []],
    ["a filter without", 'find "dc=x" (&(a=b)(c=d e))', ["find", "dc=x", "(&(a=b)(c=d e))"], []],
    [
      "a parenthesis too many",
      'find "dc=x" (&(a=b)(c=[#USERNAME#])))',
      ["find", "dc=x", "(&(a=b)(c=<USERNAME>))"],
      ["filter.parentheses"],
    ],
    ["one too few", 'find "dc=x" "(&(a=b)(c=d)"', ["find", "dc=x", "(&(a=b)(c=d))"], ["filter.parentheses"]],
    ["none", 'find "dc=x" "uid=[#USERNAME#]"', ["find", "dc=x", "(uid=<USERNAME>)"], ["filter.parentheses"]],
    ["a shell's last result", String.raw`exec "echo \$?"`, ["exec", "echo $?"], ["text.escape"]],
    ["a base without", "find dc=x (a=b)", ["find", "dc=x", "(a=b)"], ["quote.missing"]],
    [
      "a call",
      'mod-replace unicodePwd u("[#NEW_PASSWORD#]")',
      ["mod-replace", "unicodePwd", 'u("<NEW_PASSWORD>")'],
      [],
    ],
    ["many arguments", 'arguments a "b c" (d e) f"g', ["arguments", "a", "b c", "(d e)", 'f"g'], []],
    ["a set of characters that is no tag", 'expect-regex "/[#$] ?$/"', ["expect-regex", "/[#$] ?$/"], []],
  ])("%s", (_, body, command, complaints) => {
    expect(only(body)).toEqual([command]);
    expect(rules(body)).toEqual(complaints);
  });
});

describe("a line that cannot be read is refused", () => {
  it.each<[string, string, number]>([
    ['exce "a"', "command.unknown", 1],
    ['"exec" a', "command.unknown", 1],
    ["find dc=x", "arguments.count", 1],
    ['exec "x [#USRNAME#]"', "tag.unknown", 9],
    ['exec "x [#USERNAME]"', "tag.broken", 9],
    ['exec "x [USERNAME#]"', "tag.broken", 10],
  ])("%s", (body, rule, column) => {
    const { complaints } = readTemplate(`\n${body}`, LINES);
    expect(complaints).toMatchObject([{ rule, severity: "refusal", line: 2, column }]);
  });

  it("with what may be meant, and without its text", () => {
    const messages = (body: string) => readTemplate(body, LINES).complaints.map(({ message }) => message);
    expect(messages('exce "a"')).toEqual(["There is no command exce; exec may be meant."]);
    expect(messages('exec "[#NEWPASSWORD#]"')).toEqual([
      "There is no tag [#NEWPASSWORD#]; [#NEW_PASSWORD#] may be meant.",
    ]);
    expect(messages("Zx9$secret in a wrong place")).toEqual(["This is no command."]);
  });
});

describe("a body", () => {
  it("has any line ends, a byte order mark, comments and blank lines", () => {
    const body = '\uFEFF# one\r\nexec "a"\r\r\n\n  # two\n\texec "b"';
    expect(readTemplate(body, LINES).script.commands.map(({ line, args }) => [line, args[0]])).toEqual([
      [2, ["a"]],
      [6, ["b"]],
    ]);
  });

  it.each(["end", "end\n", "\n\nend\n\n\n# over\n", "  END  "])("ends with %j", (end) => {
    expect(only(`exec "a"\n${end}`)).toEqual([["exec", "a"], ["end"]]);
    expect(rules(`exec "a"\n${end}`)).toEqual([]);
  });

  it("has nothing after its end", () => {
    expect(only('end\nexec "a"\nfoo\nbar')).toEqual([["end"]]);
    expect(readTemplate('end\n\nexec "a"\nfoo', LINES).complaints).toMatchObject([{ rule: "line.after-end", line: 3 }]);
  });

  it("knows the tags of secret management by how they begin", () => {
    expect(only('exec "[#app_Name#][#SECRET_1#][#ACCESS_KEY_ID#][#CREDENTIAL_X#]"')).toEqual([
      ["exec", "<APP_NAME><SECRET_1><ACCESS_KEY_ID><CREDENTIAL_X>"],
    ]);
    expect(rules('exec "[#APP_#]"')).toEqual(["tag.unknown"]);
  });
});

describe("a line of Tcl's Expect", () => {
  it.each<[string, string[], string[]]>([
    ["use telnet script", ["use", "telnet", "script"], []],
    [String.raw`send -- "[#NEW_PASSWORD#]\r"`, ["send", "<NEW_PASSWORD>\r"], []],
    [String.raw`send -- "-x\r"`, ["send", "-x\r"], []],
    ['expect "*$"', ["expect", "*$"], []],
    ['expect -re "a[0-9]+"', ["expect", "-re", "a[0-9]+"], ["tcl.substitution"]],
    ["expect {*[Pp]assword:}", ["expect", "*[Pp]assword:"], []],
    ['env "K" "V"', ["env", "K", "V"], []],
    [String.raw`send "\x03\u0041\$a\[b"`, ["send", "\u0003A$a[b"], []],
    ['send "$name"', ["send", "$name"], ["tcl.substitution"]],
    ['send "{"', ["send", "{"], []],
    ["send hello", ["send", "hello"], []],
    ['expect "*>', ["expect", "*>"], ["quote.unclosed"]],
  ])("%s", (body, command, complaints) => {
    expect(only(body, EXPECT)).toEqual([command]);
    expect(rules(body, EXPECT)).toEqual(complaints);
  });

  it("that is a program is refused, a block once", () => {
    const body =
      'use telnet script\nspawn ssh\nwhile {1} {\n "a" {\n send "x"\n } timeout {\n exit 1 } }\nsend "b"\nfoo';
    expect(only(body, EXPECT)).toEqual([
      ["use", "telnet", "script"],
      ["send", "b"],
    ]);
    expect(readTemplate(body, EXPECT).complaints).toMatchObject([
      { rule: "command.unknown", line: 2 },
      { rule: "tcl.block", line: 3 },
      { rule: "command.unknown", line: 9 },
    ]);
  });
});
