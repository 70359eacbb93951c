import { describe, expect, it } from "vitest";
import { OPERATION_KINDS, type OperationKind } from "../../contracts/states.ts";
import { checkTemplate } from "./check.ts";
import { EXPECT, LINES, statements } from "./sample-dialects.ts";
import { PARAMETER_TAGS, PLAIN_TAGS } from "./script.ts";

const check = (body: string, kind: OperationKind = "task-manager", dialect = LINES) =>
  checkTemplate({ body, dialect, kind }).complaints.map(({ rule, line, column }) => `${rule} ${line}:${column}`);
const refused = (body: string, kind: OperationKind) =>
  checkTemplate({ body, dialect: LINES, kind }).complaints.filter(({ severity }) => severity === "refusal");
const OWNERS: OperationKind[] = [
  "change-password",
  "child-password-change",
  "reconcile-password",
  "ephemeral-credential-creation",
];

describe("a tag", () => {
  it.each(["NEW_PASSWORD", "PASSWORD", "CURRENT_PASSWORD"])("%s needs a kind that owns a password", (tag) => {
    const kinds = OPERATION_KINDS.filter((kind) => refused(`exec "[#${tag}#][#NEW_PASSWORD#]"`, kind).length === 0);
    const given = tag === "CURRENT_PASSWORD" ? [] : ["user-creation"];
    expect(kinds.toSorted()).toEqual([...OWNERS, ...given].toSorted());
    expect(check(`exec "a"\nexec "[#${tag}#]"`, "user-deletion")).toEqual(["password.not-owned 2:7"]);
  });

  it.each(["AUTH_PASSWORD", "COE_SENHA", ...PLAIN_TAGS])("%s may stand in every kind", (tag) => {
    for (const kind of OPERATION_KINDS) {
      const owned = OWNERS.includes(kind) ? 'exec "[#NEW_PASSWORD#]"\n' : "";
      expect(refused(`${owned}exec "[#${tag}#]"`, kind)).toEqual([]);
    }
  });

  it.each<[string, RegExp]>([
    ["GRUPO_NOME", /group|user-creation/],
    ["UID", /^user-/],
    ["HOME", /^user-/],
    ["SHELL", /^user-/],
    ["APP_X", /secret-management/],
    ["SECRET_X", /secret-management/],
    ["ACCESS_KEY_X", /secret-management/],
    ["CREDENTIAL_X", /secret-management/],
  ])("%s may stand only where a request gives its value", (tag, kinds) => {
    for (const kind of OPERATION_KINDS.filter((one) => !OWNERS.includes(one))) {
      const complaints = kinds.test(kind) ? [] : ["tag.wrong-kind 1:9"];
      expect(check(`exec "x [#${tag}#]"`, kind)).toEqual(complaints);
    }
    expect(PARAMETER_TAGS).toHaveLength(4);
  });
});

describe("a password", () => {
  it("in a command line is seen by others", () => {
    expect(check('exec "[#AUTH_PASSWORD#]"\nexec "su [#AUTH_PASSWORD#]"')).toEqual(["password.argument 2:10"]);
    expect(check(String.raw`send "su [#COE_SENHA#]\r"`, "task-manager", EXPECT)).toEqual(["password.argument 1:10"]);
    expect(check("x '[#AUTH_PASSWORD#]'", "task-manager", statements("mysql"))).toEqual([]);
  });

  it("may be given to a user who is made, who has none before; it is sent then, and not only waited for", () => {
    expect(check('exec "useradd [#USERNAME#]"', "user-creation")).toEqual([]);
    expect(check('exec "[#PASSWORD#]"', "user-creation")).toEqual([]);
    expect(check('expect "[#NEW_PASSWORD#]"', "user-creation")).toEqual(["password.never-sent 1:1"]);
    const [refusal] = refused('exec "[#NEW_PASSWORD#]"\nexec "[#CURRENT_PASSWORD#]"', "user-creation");
    expect(refusal).toMatchObject({ line: 2, message: expect.stringContaining("has no password before") });
  });

  it.each(OWNERS)("that %s owns has to be sent", (kind) => {
    expect(check('exec "[#CURRENT_PASSWORD#]"\nexpect "[#NEW_PASSWORD#]"', kind)).toEqual(["password.never-sent 1:1"]);
    expect(check('exec "[#new_password#]"', kind)).toEqual([]);
  });

  it("is not missed while a line cannot be read that may send it", () => {
    expect(check('exce "[#NEW_PASSWORD#]"\nexpect "a"', "change-password")).toEqual(["command.unknown 1:1"]);
  });

  it.each([
    ['expect "*assword:"\nexec "MyAdminPass1"', 2],
    ['expect "*assword for [#USERNAME#]: "\nsleep 1\nexec "cisco"', 3],
    ['expect-regex "/[Pp]assword: ?$/"\nexec "MyAdminPass1"', 2],
    ['expect "*Enter passphrase*"\nno-expect "*denied*"\nexec "MyAdminPass1"', 3],
    ['expect "*Senha:*"\nexec "MyAdminPass1"', 2],
  ])("in clear is warned of, where a question for one is answered with a fixed text: %#", (body, line) => {
    expect(check(body)).toEqual([`password.literal ${line}:1`]);
    const { complaints } = checkTemplate({ body, dialect: LINES, kind: "task-manager" });
    expect(JSON.stringify(complaints)).not.toMatch(/MyAdmin|cisco/);
  });

  it("in clear is warned of in a script of Expect, too", () => {
    const body = String.raw`expect "assword:"` + "\n" + String.raw`send "MyAdminPass1\r"`;
    expect(check(body, "task-manager", EXPECT)).toEqual(["password.literal 2:1"]);
  });

  it.each([
    'expect "*assword:"\nexec "[#AUTH_PASSWORD#]"',
    'expect "*assword:"\nexec ""',
    'expect "*assword:"\nexec "[#AUTH_PASSWORD#]"\nexec "show"',
    'expect "*password updated successfully*"\nexec "finish"',
    'expect "*changed your password*"\nexec "finish"',
    'expect "*assword:"\nexpect "*#"\nexec "finish"',
    'expect "*#"\nexec "passwd"',
    'expect "*Change the password? [y/n]*"\nexec "y"',
    'exec "MyAdminPass1"',
    'expect "*Save password to file: /etc/x*#"\nexec "finish"',
  ])("is not seen where there is none: %#", (body) => {
    expect(check(body)).toEqual([]);
  });

  it("that can hold hardly any symbol is said so", () => {
    const body = "ALTER USER x PASSWORD 'a'; SELECT a_[#NEW_PASSWORD#]";
    expect(check(body, "change-password", statements("mysql"))).toEqual(["password.alphabet 1:28"]);
  });
});

describe("a template", () => {
  it.each(["", "\n# only a comment\n", "end\n", "\uFEFF"])("without a command is refused: %j", (body) => {
    expect(check(body)).toEqual(["template.empty 1:1"]);
  });

  it("with wrong values is refused where they stand", () => {
    expect(check('exec "a"\n set-ssh-version 1')).toEqual(["argument.value 2:2"]);
    expect(check("set-ssh-version 2")).toEqual([]);
  });

  it.each([
    ["/a(/", "RE2 cannot read it"],
    [String.raw`/(a)\1/`, "RE2 cannot read it"],
    ["/(?=a)b/", "it looks around"],
    [`/${"a?".repeat(600)}/`, "longer than 1000"],
    [`/${"(a{100}){100}".repeat(3)}/`, "RE2 cannot read it"],
  ])("with a regular expression that cannot be run is refused: %#", (regex, reason) => {
    const body = `expect-regex "${regex.replaceAll("\\", "\\\\")}"`;
    const { complaints } = checkTemplate({ body, dialect: LINES, kind: "task-manager" });
    expect(complaints).toMatchObject([{ rule: "regex.invalid", severity: "refusal" }]);
    expect(complaints[0]?.message).toContain(reason);
  });

  it("has its complaints in the order of its lines", () => {
    const body = 'exec "[#UID#]"\nexec a\nexce "b"\nexec "[#FOO#]"\nend\nx';
    expect(check(body)).toEqual([
      "tag.wrong-kind 1:7",
      "quote.missing 2:6",
      "command.unknown 3:1",
      "tag.unknown 4:7",
      "line.after-end 6:1",
    ]);
  });
});
