import type { Dialect } from "../../templates/language/dialect.ts";
import { SSH_VERSION, TERMINAL_COMMANDS } from "../terminal/language.ts";

export const language: Dialect = {
  names: ["SSH Legacy", "SSH-Legacy", "SSH_Legacy"],
  form: "lines",
  commands: { ...TERMINAL_COMMANDS, "set-ssh-version": SSH_VERSION },
};
