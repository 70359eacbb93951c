import { z } from "zod";
import { type BoundScript, type Command, SENDS } from "../../templates/language/script.ts";
import type { Device } from "../plugin.ts";
import { NEW_LINES, type NewLineMode } from "../terminal/terminal.ts";
import type { Prompts } from "./login.ts";

const prompt = z.string().min(1).max(200);

/** Settings of a device about its log-in; lines of a template win over them. */
export const DIAL_SETTINGS = {
  /** How the question for the user name ends, where that is not `login:` or the like. */
  usernamePrompt: prompt.optional(),
  /** How the question for the password ends, where that is not `Password:`. */
  passwordPrompt: prompt.optional(),
  /** How the prompt of a logged-in account ends, where that is none of `$ # > % ] ) }`. */
  commandPrompt: prompt.optional(),
  /** What ends the lines of the log-in: CR LF, LF or CR. */
  newLine: z.enum(["windows", "unix", "mac"]).default("windows"),
};
const DialSettings = z.object(DIAL_SETTINGS);

/** How one logs in. */
export interface Dial {
  readonly prompts: Prompts;
  readonly newLine: NewLineMode;
}

/** How one logs in to a device by its settings, and by the lines of a template before its first that is sent. */
export function dialOf(device: Device, script?: BoundScript): Dial {
  const { usernamePrompt, passwordPrompt, commandPrompt, newLine } = DialSettings.parse(device.settings);
  const username = textOf(script, "set-username-prompt") ?? usernamePrompt;
  const password = textOf(script, "set-password-prompt") ?? passwordPrompt;
  const mode = textOf(script, "set-new-line-mode")?.trim().toLowerCase();
  return {
    prompts: {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(commandPrompt === undefined ? {} : { command: commandPrompt }),
    },
    newLine: (Object.keys(NEW_LINES) as NewLineMode[]).find((each) => each === mode) ?? newLine,
  };
}

function textOf(script: BoundScript | undefined, name: string): string | undefined {
  const [text] = commandsOf(script).find((command) => command.name === name)?.args ?? [];
  const literal = text?.filter((part) => typeof part === "string").join("");
  return literal === "" ? undefined : literal;
}

const LOGS_IN = new Set(["USERNAME", "AUTH_USER", "CURRENT_PASSWORD", "AUTH_PASSWORD", "COE_SENHA"]);

/**
 * Whether a template logs in by itself: it says so, or the first thing that it sends is the user name or the password
 * alone, which only a log-in asks for first.
 */
export function logsInItself(script: BoundScript | undefined): boolean {
  const commands = commandsOf(script);
  if (commands.some(({ name }) => name === "set-no-authenticate")) return true;
  const first = commands.find(({ name }) => SENDS.has(name));
  const parts = (first?.args.flat() ?? []).filter((part) => typeof part !== "string" || part.trim() !== "");
  return parts.length === 1 && parts.every((part) => typeof part !== "string" && LOGS_IN.has(part.tag));
}

function commandsOf(script: BoundScript | undefined): readonly Command[] {
  return script?.script.commands ?? [];
}
