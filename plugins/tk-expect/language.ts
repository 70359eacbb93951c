/**
 * The part of Expect that templates are written in: commands, and blocks of several patterns, run by our own engine. Tcl is not run: a
 * script of the original may do whatever the machine it runs on allows.
 *
 * Source: expect(1), version 5.45; the original's page on change templates.
 */
import type { CommandRule, Dialect } from "../../templates/language/dialect.ts";
import { TERMINAL_COMMANDS } from "../terminal/language.ts";

const LONGEST_SECONDS = 3600;
const OPTIONS = ["-re", "-gl", "-ex", "--"];

const ignored: CommandRule = { arguments: [0, 64], contexts: ["plain"] };

const use: CommandRule = {
  arguments: [1, 3],
  contexts: ["plain"],
  check([program = "", ...rest]) {
    if (/^(?:telnet|ssh)$/i.test(program) && rest.every((word) => /^script$/i.test(word))) return undefined;
    return `only telnet and ssh can be used here, not ${/^[\w*-]{1,20}$/.test(program) ? program : "this"}: Oracle and SQL Server have plugins of their own`;
  },
};

const spawn: CommandRule = {
  arguments: [1, 64],
  contexts: ["plain"],
  check: ([program = ""]) =>
    ["telnet", "ssh"].includes(program) ? undefined : "no program is started; only telnet and ssh can be used here",
};

const expect: CommandRule = {
  arguments: [1, 2],
  contexts: ["pattern"],
  check(args) {
    const [option = ""] = args;
    if (args.length === 2 && !OPTIONS.includes(option))
      return `one pattern is wanted, perhaps after ${OPTIONS.join(", ")}`;
    const silence = option === "timeout" || option === "default";
    return silence ? "silence is waited for only beside something else, in a block; sleep can wait" : undefined;
  },
};

const sleep: CommandRule = {
  arguments: [1, 1],
  contexts: ["plain"],
  check: ([seconds = ""]) =>
    /^\d+(?:\.\d+)?$/.test(seconds.trim()) && Number(seconds) <= LONGEST_SECONDS
      ? undefined
      : `a number of seconds from 0 to ${LONGEST_SECONDS} is wanted`,
};

const set: CommandRule = {
  arguments: [2, 2],
  contexts: ["plain"],
  silence: ([, seconds = ""]) => Number(seconds),
  check: ([name, value = ""]) =>
    name === "timeout" && /^(?:-1|\d{1,4})$/.test(value.trim())
      ? undefined
      : "only `set timeout` with seconds is known",
};

const exit: CommandRule = {
  arguments: [0, 1],
  contexts: ["plain"],
  check: ([code = "0"]) => (code.trim() === "0" ? undefined : "a script that is to fail at every run makes no change"),
};

/** Not Tcl's: their texts know no `\\r`. */
const ownLines: Readonly<Record<string, CommandRule>> = {
  "set-prompt": { arguments: [1, 1], contexts: ["plain"], lines: true },
  ...Object.fromEntries(
    (["set-read-timeout", "set-new-line-mode", "exec", "write", "expect-regex", "no-expect", "end"] as const).map(
      (name) => [name, { ...TERMINAL_COMMANDS[name], lines: true }],
    ),
  ),
};

export const language: Dialect = {
  names: ["Tk Expect", "TkExpect", "Tk-Expect", "Expect"],
  form: "expect",
  commands: {
    use,
    spawn,
    set,
    expect,
    send: { arguments: [1, 1], contexts: ["typed"] },
    sleep,
    // The original's own lines, which scripts may have instead of Expect's.
    ...ownLines,
    exit,
    close: { arguments: [0, 0], contexts: [] },
    // What a script shows to who runs it.
    send_user: ignored,
    log_user: ignored,
    exp_internal: ignored,
    match_max: ignored,
  },
};
