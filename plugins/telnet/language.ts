import type { CommandRule, Dialect } from "../../templates/language/dialect.ts";
import { TERMINAL_COMMANDS } from "../terminal/language.ts";

const prompt: CommandRule = { arguments: [1, 1], contexts: ["plain"] };

export const language: Dialect = {
  names: ["Telnet"],
  form: "lines",
  commands: {
    ...TERMINAL_COMMANDS,
    // As the original's page has it: `send` is what `write` is over SSH, and both occur.
    send: { arguments: [0, 1], contexts: ["typed"] },
    "set-username-prompt": prompt,
    "set-password-prompt": prompt,
    "set-no-authenticate": { arguments: [0, 0], contexts: [] },
  },
};
