/** The commands of templates that are a dialogue on a terminal. */
import type { CommandRule } from "../../templates/language/dialect.ts";
import { NEW_LINES } from "./terminal.ts";

/** Longer than any attempt may take. Seconds. */
const LONGEST = 3600;

const seconds: CommandRule = {
  arguments: [1, 1],
  contexts: ["plain"],
  check([text = ""]) {
    const known = /^\d+(?:\.\d+)?$/.test(text.trim()) && Number(text) <= LONGEST;
    return known ? undefined : `a number of seconds from 0 to ${LONGEST} is wanted`;
  },
};

const newLineMode: CommandRule = {
  arguments: [1, 1],
  contexts: ["plain"],
  check([text = ""]) {
    const known = Object.hasOwn(NEW_LINES, text.trim().toLowerCase());
    return known ? undefined : `one of ${Object.keys(NEW_LINES).join(", ")} is wanted`;
  },
};

const regularExpression: CommandRule = {
  arguments: [1, 1],
  contexts: ["regex"],
  aliases: ["expect-regexp", "expectregex"],
};

const glob: CommandRule = { arguments: [1, 1], contexts: ["pattern"] };
const typed: CommandRule = { arguments: [0, 1], contexts: ["typed"] };

/** What ssh, ssh-legacy and telnet have in common. */
export const TERMINAL_COMMANDS = {
  "set-connect-timeout": seconds,
  "set-read-timeout": { ...seconds, silence: ([text = ""]) => Number(text) },
  "set-new-line-mode": newLineMode,
  exec: typed,
  write: typed,
  read: { arguments: [1, 1], contexts: ["plain"] },
  expect: glob,
  "expect-regex": regularExpression,
  "no-expect": { ...glob, aliases: ["noexpect", "not-expect", "notexpect"] },
  sleep: seconds,
  end: { arguments: [0, 0], contexts: [] },
} as const satisfies Readonly<Record<string, CommandRule>>;

/** Of the plugins over SSH. */
export const SSH_VERSION: CommandRule = {
  arguments: [1, 1],
  contexts: ["plain"],
  check([text = ""]) {
    return text.trim() === "2" ? undefined : "only version 2 of SSH is spoken: version 1 is broken";
  },
};
