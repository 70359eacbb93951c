import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { checkTemplate } from "../../templates/language/check.ts";
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
  const [first, ...rest] = translate({ script, values: VALUES }).script.commands;
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
    ["use tds", "only telnet can be used here, not tds"],
    ["use ssh script", "only telnet can be used here, not ssh"],
    ["spawn bash", "no program is started"],
    ["exit 1", "a script that is to fail at every run"],
    ["set password x", "only `set timeout` with seconds is known"],
    ["expect {\n}", "A block of Tcl is not run"],
    ["expect timeout", "a time-out cannot be waited for"],
    ["exp_continue", "There is no command exp_continue"],
    ["exec rm", "There is no command exec"],
  ])("%s is refused with line and reason", (line, reason) => {
    expect(reasons(line).join("\n")).toContain(`1: ${reason}`);
  });
});

describe("patterns with values", () => {
  it.each([`expect "for [#USERNAME#]:"`, `expect "?or [#USERNAME#]:"`, `expect -ex "for [#USERNAME#]:"`])(
    "%s: a value matches itself only",
    (line) => {
      const { script } = readTemplate(line, language);
      const command = translate({ script, values: VALUES }).script.commands[1];
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
