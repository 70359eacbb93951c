import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import { formatTemplate } from "../../templates/language/format.ts";
import { readTemplate } from "../../templates/language/read.ts";
import { globOf, regex } from "../terminal/patterns.ts";
import { patternOf } from "../terminal/values.ts";
import { language } from "./language.ts";
import { translate } from "./translate.ts";

const VALUES = { USERNAME: "o'[a]*b?", NEW_PASSWORD: new Secret("Kt7-New") };

/** The commands of the engine that one line of Expect becomes, without the first, which is the time-out. */
function engineOf(line: string) {
  const { script, complaints } = readTemplate(line, language);
  expect(complaints.filter(({ severity }) => severity === "refusal")).toEqual([]);
  const [first, ...rest] = translate({ script, values: VALUES }, "telnet").script.commands;
  expect(first).toMatchObject({ name: "set-read-timeout", args: [["10"]] });
  return rest.map(({ name, args }) => [name, ...args.flat()]);
}

const reasons = (body: string) =>
  checkTemplate({ body: `${body}\nsend "[#NEW_PASSWORD#]\\r"`, dialect: language, kind: "change-password" })
    .complaints.filter(({ severity }) => severity === "refusal")
    .map(({ line, message }) => `${line}: ${message}`);

describe("a line of Expect", () => {
  it.each([
    [`expect "login:"`, ["expect", "login:"]],
    [`expect "*$"`, ["expect", "*$"]],
    [`expect "^login: $"`, ["expect", "login: "]],
    [`expect -re {[Pp]assword: $}`, ["expect-regex", "[Pp]assword: $"]],
    [`expect -ex "a*b?"`, ["read", "a*b?"]],
    [`expect "?urrent [Pp]assword*:"`, ["expect-regex", ".urrent".replace(".", "(?s:.)") + " [Pp]assword(?s:.*):"]],
    [String.raw`expect {a\*b\[}`, ["expect-regex", String.raw`a\*b\[`]],
    [`expect eof`, ["end"]],
    [`exit 0`, ["end"]],
    [`exit`, ["end"]],
    [`set timeout 30`, ["set-read-timeout", "30"]],
    [`set timeout -1`, ["set-read-timeout", "3600"]],
    [String.raw`send -- "passwd\r"`, ["send", "passwd\r"]],
    [String.raw`send "[#NEW_PASSWORD#]\r\n"`, ["send", { tag: "NEW_PASSWORD" }, "\r\n"]],
    [`sleep 2`, ["sleep", "2"]],
  ])("%s", (line, command) => {
    expect(engineOf(line)).toEqual([command]);
  });

  it.each([`use telnet script`, `spawn telnet 10.0.0.1`, `log_user 0`, `send_user "done"`, `# a remark`])(
    "%s does nothing",
    (line) => {
      expect(engineOf(line)).toEqual([]);
    },
  );

  it.each([
    ["use tds", "only telnet and ssh can be used here, not tds"],
    ["spawn bash", "no program is started"],
    ["exit 1", "a script that is to fail at every run"],
    ["set password x", "only `set timeout` with seconds is known"],
    ["expect {\n", "A block of Tcl is not run"],
    ["while 1 {\nsend a\n}", "A block of Tcl is not run"],
    ["expect a { if {$x} {\nsend b\n}\n}", "A block of Tcl is not run"],
    ["expect a { set x 1 }", "only `set timeout` with seconds is known"],
    ["expect a { exp_send b }", "There is no command exp_send"],
    ["expect -nocase a { send b }", "one pattern is wanted"],
    ["expect timeout", "silence is waited for only beside something else"],
    ["exp_continue", "There is no command exp_continue"],
    ["use ssh tds", "only telnet and ssh can be used here"],
  ])("%s is refused with line and reason", (line, reason) => {
    expect(reasons(line).join("\n")).toContain(`1: ${reason}`);
  });
});

describe("the original's own lines", () => {
  const NOKIA = `use telnet
set-prompt "< "
set-new-line-mode "mac"
exec "[#AUTH_USER#]"
exec "[#COE_SENHA#]"
exec "ZIAS:[#USERNAME#]:NEWPWT;"
expect "*NEW PASSWORD:*"
exec "[#NEW_PASSWORD#]"`;

  it("type at the prompt what answers nothing that was waited for", () => {
    expect(engineOf(NOKIA)).toEqual([
      ["set-new-line-mode", "mac"],
      ["read", "< "],
      ["exec", { tag: "AUTH_USER" }],
      ["read", "< "],
      ["exec", { tag: "COE_SENHA" }],
      ["read", "< "],
      ["exec", "ZIAS:", { tag: "USERNAME" }, ":NEWPWT;"],
      ["expect", "*NEW PASSWORD:*"],
      ["exec", { tag: "NEW_PASSWORD" }],
    ]);
  });

  it("are read as such lines are, and not as Tcl", () => {
    const body = String.raw`exec "dir C:\new"
expect-regex "/\d+ \$ $/"
exec clish
send "a\r"`;
    const { script, complaints } = readTemplate(body, language);
    const texts = [String.raw`dir C:\new`, String.raw`/\d+ \$ $/`, "clish", "a\r"];
    expect(script.commands.map(({ args }) => args[0]?.[0])).toEqual(texts);
    expect(complaints.map(({ rule, line }) => `${rule} ${line}`)).toEqual(["quote.missing 3"]);
    expect(readTemplate(formatTemplate(body, language), language).script).toEqual(script);
  });

  it("over SSH leave out the answer to the log-in, which is made before", () => {
    const body = `use ssh
set-prompt "> "
set-read-timeout 60
expect "*ssword: "
exec "[#AUTH_PASSWORD#]"
exec "set /map1/accounts1/[#USERNAME#] password=[#NEW_PASSWORD#]"
expect "COMMAND COMPLETED"`;
    const { script } = readTemplate(body, language);
    const { commands } = translate({ script, values: VALUES }, "ssh").script;
    expect(commands.map(({ name, line }) => `${name} ${line}`)).toEqual([
      "set-read-timeout 1",
      "set-read-timeout 3",
      "read 6",
      "exec 6",
      "expect 7",
    ]);
    const kept = readTemplate('use ssh\nexpect "*ssword: "\nexec "[#NEW_PASSWORD#]"', language).script;
    expect(translate({ script: kept, values: VALUES }, "ssh").script.commands).toHaveLength(3);
  });
});

describe("a block", () => {
  it("is an arm for each pattern, with the commands of its body", () => {
    const block = String.raw`expect {
    "User  . ." { send "[#USERNAME#]\t"; exp_continue }
    # what a shell shows
    -re {[$#>] $} {
        send "passwd\r"
        expect -ex "New:" {send "[#NEW_PASSWORD#]\r"}
    } eof {}
    timeout {
        send_user "FAILURE"
        exit 1
    }
    default { return }
}`;
    expect(engineOf(block)).toEqual([
      ["{"],
      ["->"],
      ["expect", "User  . ."],
      ["send", { tag: "USERNAME" }, "\t"],
      ["<-"],
      ["->"],
      ["expect-regex", "[$#>] $"],
      ["send", "passwd\r"],
      ["{"],
      ["->"],
      ["read", "New:"],
      ["send", { tag: "NEW_PASSWORD" }, "\r"],
      ["}"],
      ["->", "eof"],
      ["->", "timeout"],
      ["!"],
      ["->", "default"],
      ["end"],
      ["}"],
    ]);
  });

  it.each<[string, unknown[]]>([
    ['expect "a" {send b}', ["read"]],
    ["expect {a}", []],
    ['expect {"a"} ', []],
  ])("%s is one by Expect's own rule, or none", (line, marks) => {
    const { script } = readTemplate(line, language);
    expect(script.commands.some(({ name }) => name === "{")).toBe(marks.length > 0);
  });

  it("complaints name the lines and columns of its text, and none is shown", () => {
    const body = 'expect {\n  "a[#NOBODY#]" {\n    send "[#NOTHING#]"\n    bogus secret\n  }\n}';
    const { complaints } = readTemplate(body, language);
    expect(complaints.map(({ rule, line, column }) => `${rule} ${line}:${column}`)).toEqual([
      "tag.unknown 2:5",
      "tag.unknown 3:11",
      "command.unknown 4:5",
    ]);
    expect(JSON.stringify(complaints)).not.toContain("secret");
  });

  it("formatted it reads as before", () => {
    const body = 'use telnet\nexpect {\n    "login:" {\n        send "[#username#]\\r"\n    } timeout {exit 1}\n}\n';
    const before = readTemplate(body, language).script;
    expect(readTemplate(formatTemplate(body, language), language).script).toEqual(before);
  });

  it("that is nested without end, or never closed, is refused in time in proportion to it", () => {
    const deep = `${"expect a {\n".repeat(20)}send "[#NEW_PASSWORD#]"\n${"}\n".repeat(20)}`;
    expect(reasons(deep).join("\n")).toContain("nested too deep");
    expect(reasons('expect "a" {\n'.repeat(20_000))[0]).toContain("1: A block of Tcl");
    expect(reasons(`expect ${"{".repeat(100_000)}`)[0]).toContain("1: A block of Tcl");
    expect(reasons('expect {a "{" }\n'.repeat(6_000))).toEqual([]);
  });
});

describe("patterns with values", () => {
  it.each([`expect "for [#USERNAME#]:"`, `expect "?or [#USERNAME#]:"`, `expect -ex "for [#USERNAME#]:"`])(
    "%s: a value matches itself only",
    (line) => {
      const { script } = readTemplate(line, language);
      const command = translate({ script, values: VALUES }, "telnet").script.commands[1];
      if (!command) throw new Error("nothing is waited for");
      const pattern = patternOf(command, VALUES);
      expect(pattern("Password for o'[a]*b?:")).toBeDefined();
      expect(pattern("Password for o'aXbc:")).toBeUndefined();
    },
  );
});

it("200 generated globs mean what a glob of the engine means, where both know it", () => {
  let seed = 7;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const text = (alphabet: string) =>
    Array.from({ length: 1 + next(6) }, () => alphabet.charAt(next(alphabet.length))).join("");
  for (let round = 0; round < 200; round += 1) {
    const [glob, seen] = [`${text("ab.+*")}[c]`, `${text("abc.+")}c${text("abc.+")}`];
    const [[name, source]] = engineOf(`expect {${glob}}`) as [[string, string]];
    expect(name).toBe("expect-regex");
    const plain = globOf(glob.replace("[c]", "c").split("*"));
    expect(regex(source)(seen) !== undefined, `${glob} in ${seen}`).toBe(plain(seen) !== undefined);
  }
});
