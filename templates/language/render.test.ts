import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { carriesNewPassword, CannotCarry, hasTag, renderText, valueOf } from "./render.ts";
import type { Context } from "./dialect.ts";
import type { TagValues, Text } from "./script.ts";

const USER = { tag: "USERNAME" } as const;
const NEW = { tag: "NEW_PASSWORD" } as const;
const INFO = { tag: "ADD_INFO" } as const;
const typed = (text: Text, values: TagValues) => renderText(text, values, "typed");
const named = (USERNAME: string) => ({ USERNAME });

describe("a value", () => {
  it("is text, a secret, or made when it is used", () => {
    const values = { USERNAME: "a", NEW_PASSWORD: new Secret("b"), TOTP_TOKEN: () => new Secret("c") };
    expect(valueOf(USER, values) + valueOf(NEW, values) + valueOf({ tag: "TOTP_TOKEN" }, values)).toBe("abc");
  });

  it("that is not known is an error that names the tag", () => {
    expect(() => typed([NEW], {})).toThrow("The value of [#NEW_PASSWORD#] is not known.");
  });

  it("that cannot stand somewhere is not told", () => {
    const secret = "kT7\nzzz";
    const failure = (() => {
      try {
        return typed([NEW], { NEW_PASSWORD: new Secret(secret) });
      } catch (error) {
        return error as CannotCarry;
      }
    })();
    expect(failure).toBeInstanceOf(CannotCarry);
    expect(failure).toMatchObject({ tag: "NEW_PASSWORD" });
    expect(JSON.stringify([String(failure), failure])).not.toContain("kT7");
  });
});

describe("tags of a command", () => {
  it("are found", () => {
    expect(hasTag(["a", USER], ["USERNAME"])).toBe(true);
    expect(hasTag(["a", USER], ["NEW_PASSWORD"])).toBe(false);
    expect(carriesNewPassword({ name: "exec", args: [["a"], [{ tag: "PASSWORD" }]], line: 1 })).toBe(true);
    expect(carriesNewPassword({ name: "exec", args: [[{ tag: "AUTH_PASSWORD" }]], line: 1 })).toBe(false);
  });
});

describe("what is typed", () => {
  it.each<[string, Text]>([
    ["alone", [USER]],
    ["with its line end", [USER, "\r"]],
    ["beside another", [INFO, "\\", USER]],
    ["in two parts", [USER, ":", INFO]],
  ])("answers a prompt as it is: %s", (_, text) => {
    const value = `a 'b' "$c" \\ ;`;
    expect(typed(text, { USERNAME: value, ADD_INFO: "x" })).toContain(value);
  });

  it.each<[string, Text, string, string]>([
    ["a plain word stays", ["passwd ", USER], "joe.doe@x", "passwd joe.doe@x"],
    ["nothing stays nothing", ["id ", USER, " y"], "", "id  y"],
    ["bare", ["passwd ", USER], "a b", "passwd 'a b'"],
    ["bare with a quote", ["passwd ", USER], "a'b", String.raw`passwd 'a'\''b'`],
    ["single", ["id '", USER, "'"], "a'b", String.raw`id 'a'\''b'`],
    ["double", ['id "', USER, '"'], "a!b", `id ""'a!b'""`],
    ["with sudo", ["sudo x ", USER], "$y", "sudo x '$y'"],
    ["with a path", ["/opt/x/y.sh ", USER], "$y", "/opt/x/y.sh '$y'"],
    ["into a pipe", ["echo '", USER, "' | passwd --stdin x"], "a;b", "echo 'a;b' | passwd --stdin x"],
    ["plain on a switch", ["username ", USER, " secret"], "joe", "username joe secret"],
  ])("%s", (_, text, value, line) => {
    expect(typed(text, named(value))).toBe(line);
  });

  it.each<[string, Text, string]>([
    ["a line end", ["id ", USER], "a\nb"],
    ["a line end in an answer", [USER], "a\r"],
    ["a control character", ["id '", USER, "'"], "\u0003"],
    ["an option", ["userdel ", USER], "-r"],
    ["an option in quotes", ['userdel "', USER, '"'], "-r"],
    ["an option after nothing", ["userdel ", INFO, USER], "-r"],
    ["a command for another shell", ["sudo sh -c 'passwd ", USER, "'"], "a;b"],
    ["a command for another shell", ['sudo sh -c "id;', USER, '"'], "a$b"],
    ["a command for another host", ["sudo ssh host passwd ", USER], "a;b"],
    ["a command for su", ["su -c ", USER], "a;b"],
    ["SQL in a shell's line", [`/opt/mysql -e "DROP USER '`, USER, `'"`], "a'b"],
    ["SQL", [`ALTER USER "`, USER, '";'], "a'b"],
    ["Python", ["connect('", USER, "')"], "a'b"],
    ["PowerShell", ["Set-LocalUser '", USER, "'"], "a'b"],
    ["Windows", ["net user ", USER, " /active:no"], "a&b"],
    ["a switch", ["username ", USER, " secret x"], "a?b"],
    ["a backslash for printf", ['printf "x\\n', USER, '"'], "a\\nb"],
    ["what a backslash stands before", ["id CORP\\", USER], "a b"],
    ["what a backslash stands before, in quotes", ['id "CORP\\', USER, '"'], "a b"],
    ["what a dollar stands before", ["id $", USER], "a b"],
    ["backticks", ["id `id ", USER, "`"], "a'b"],
    ["quotes in backticks", ["id `id '", USER, "'`"], "a`b"],
    ["a parameter", ["id ${y:-", USER, "}"], "a}b"],
    ["quotes in a parameter", ["id ${y:-'", USER, "'}"], "a}b"],
    ["arithmetic", ["id $((1+", USER, "))"], "a[$(x)]"],
    ["quotes of bash", ["id $'", USER, "'"], "a'b"],
    ["a divider of sed", ["sed -i 's/x=", USER, "/y/' f"], "a/e"],
  ])("refuses %s", (_, text, value) => {
    const values = { USERNAME: value, ADD_INFO: "" };
    expect(() => typed(text, values)).toThrow(CannotCarry);
    expect(() => typed(text, { ...values, USERNAME: "joe" })).not.toThrow();
  });
});

describe("other contexts refuse what would change their meaning", () => {
  it.each<[Context, Text, string]>([
    ["plain", [USER], "\0"],
    ["pattern", [USER], "\0"],
    ["ldap-filter", ["(", USER, "=x)"], "a)(b"],
    ["ldap-filter", [USER], "(a=b)"],
    ["ldap-dn", ["cn=x,", USER], "joe"],
    ["ldap-dn", ["cn=x,o", USER, "=y"], "ou=a"],
    ["ldap-dn", [USER], "a\0"],
    ["url", ["https://", USER, "/x"], "a/b"],
    ["url", ["https://h/", USER], "\uD800"],
  ])("%s", (context, text, value) => {
    expect(() => renderText(text, named(value), context)).toThrow(CannotCarry);
  });

  it.each<[Context, Text, string, string]>([
    ["ldap-filter", ["(", USER, "=x)"], "uid", "(uid=x)"],
    ["ldap-filter", ["uid=", USER], "a*", String.raw`uid=a\2a`],
    ["ldap-filter", ["(uid=", USER, ")"], "a\0", String.raw`(uid=a\00)`],
    ["ldap-dn", ["cn=x,", USER], String.raw`ou=a\,b,dc=c`, String.raw`cn=x,ou=a\,b,dc=c`],
    ["ldap-dn", [USER], "joe@corp", "joe@corp"],
    ["ldap-dn", [INFO, "\\", USER], "joe", String.raw`CORP\joe`],
    ["json", ['{"a":"', USER, '","b":', USER, "}"], 'a"b', String.raw`{"a":"a\"b","b":"a\"b"}`],
    ["url", ["https://", USER, "/x"], "[fe80::1]", "https://[fe80::1]/x"],
    ["url", ["/u/", USER, "?x"], "a/b?'", "/u/a%2Fb%3F%27?x"],
    ["plain", ["x ", USER], "a b", "x a b"],
    ["pattern", [USER, "*"], "a*", "a**"],
    ["regex", ["/", USER, "$/"], "a.b/", String.raw`/a\.b\/$/`],
  ])("%s takes others", (context, text, value, rendered) => {
    expect(renderText(text, { USERNAME: value, ADD_INFO: "CORP" }, context)).toBe(rendered);
  });
});
