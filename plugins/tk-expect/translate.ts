import { isBlockMark } from "../../templates/language/block.ts";
import { carriesNewPassword } from "../../templates/language/render.ts";
import { type BoundScript, type Command, type Text, SENDS } from "../../templates/language/script.ts";
import { isPasswordAlone } from "../terminal/values.ts";

const WAITS: ReadonlySet<string> = new Set(["expect", "expect-regex"]);

/** What Expect waits when the script does not say. Seconds. */
const TIMEOUT = "10";
/** What `set timeout -1` means here: longer than any attempt. Seconds. */
const FOR_EVER = "3600";

/** What a script says that it uses; undefined when it does not say. */
export function usedBy(bound: BoundScript | undefined): "telnet" | "ssh" | undefined {
  const used = bound?.script.commands.find(({ name }) => name === "use" || name === "spawn");
  const program = literal(used?.args[0] ?? []).toLowerCase();
  return program === "telnet" || program === "ssh" ? program : undefined;
}

/**
 * A script of Expect as the commands of the terminal engine.
 * @param protocol over SSH the log-in is made before: what answers the question for the password at first is left out
 */
export function translate({ script, values }: BoundScript, protocol: "telnet" | "ssh"): BoundScript {
  const first: Command = { name: "set-read-timeout", args: [[TIMEOUT]], line: script.commands[0]?.line ?? 1 };
  const commands = promptsAwaited(protocol === "ssh" ? withoutLogin(script.commands) : script.commands);
  return { values, script: { commands: [first, ...commands.flatMap(translated)] } };
}

/** Without the wait for the question for the password, and its answer, where these are what a script does first. */
function withoutLogin(commands: readonly Command[]): readonly Command[] {
  const at = commands.findIndex((command) => SENDS.has(command.name));
  const answer = commands[at];
  const block = commands.findIndex(({ name }) => isBlockMark(name));
  const isLogin = answer && isPasswordAlone(answer) && !carriesNewPassword(answer) && (block === -1 || block > at);
  if (!isLogin) return commands;
  return commands.filter((command, index) => index > at || !(index === at || WAITS.has(command.name)));
}

/** With `set-prompt` each line that is typed, and answers nothing that was waited for, is typed at the prompt. */
function promptsAwaited(commands: readonly Command[]): Command[] {
  let prompt: Text | undefined;
  let waited = false;
  return commands.flatMap((command): Command[] => {
    if (command.name === "set-prompt") prompt = command.args[0];
    const before = command.name === "exec" && prompt && !waited;
    if (SENDS.has(command.name)) waited = false;
    else if (WAITS.has(command.name)) waited = true;
    return before ? [{ name: "read", args: [prompt ?? []], line: command.line }, command] : [command];
  });
}

function translated({ name, args, line }: Command): Command[] {
  const [first = [], second = []] = args;
  switch (name) {
    case "set":
      return [
        { name: "set-read-timeout", args: [[literal(second).trim() === "-1" ? FOR_EVER : literal(second)]], line },
      ];
    case "expect":
      return awaited(args, line);
    case "send":
      return [{ name: "send", args: [first], line }];
    case "sleep":
      return [{ name: "sleep", args, line }];
    // Those of the original's own lines, of scripts that `use telnet` or `use ssh` without `script`.
    case "exec":
    case "write":
    case "read":
    case "expect-regex":
    case "no-expect":
    case "set-read-timeout":
    case "set-new-line-mode":
      return [{ name, args, line }];
    case "exit":
    case "close":
    case "end":
      return [{ name: "end", args: [], line }];
    default:
      return isBlockMark(name) ? [{ name, args, line }] : [];
  }
}

/** What is waited for: a glob of Expect, a regular expression, or a text as it stands. */
function awaited(args: readonly Text[], line: number): Command[] {
  const [option, pattern] = args.length === 1 ? ["-gl", args[0] ?? []] : [literal(args[0] ?? []), args[1] ?? []];
  if (option === "-re") return [{ name: "expect-regex", args: [pattern], line }];
  if (option === "-ex") return [{ name: "read", args: [pattern], line }];
  // The end of the connection: what is sent no more need not be waited for.
  if (args.length === 1 && literal(pattern) === "eof") return [{ name: "end", args: [], line }];
  const text = withoutAnchors(pattern);
  if (text.some((part) => typeof part === "string" && /[?[\\]/.test(part))) {
    return [
      { name: "expect-regex", args: [text.map((part) => (typeof part === "string" ? sourceOf(part) : part))], line },
    ];
  }
  return [{ name: "expect", args: [text], line }];
}

/**
 * Without `^` and `$` at the ends: the engine waits for the end of what is said anyway. A `$` with no word before it
 * is the prompt of a shell.
 */
function withoutAnchors(text: Text): Text {
  const last = text.length - 1;
  return text.map((part, index) => {
    if (typeof part !== "string") return part;
    const begun = index === 0 ? part.replace(/^\^/, "") : part;
    const words = index > 0 || /\w/.test(begun);
    return index === last && words ? begun.replace(/(?<!\\)\$$/, "") : begun;
  });
}

/** A glob of Tcl's `string match`, as a regular expression. */
function sourceOf(glob: string): string {
  return glob.replaceAll(/\\([^])|\[([^\]]*)\]|([^])/g, (_, escaped?: string, set?: string, char?: string) => {
    if (escaped !== undefined) return quoted(escaped);
    if (set !== undefined) return set === "" ? quoted("[]") : `[${set.replaceAll(/[\\^[]/g, "\\$&")}]`;
    if (char === "*") return "(?s:.*)";
    return char === "?" ? "(?s:.)" : quoted(char ?? "");
  });
}

function quoted(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}/-]/g, "\\$&");
}

function literal(text: Text): string {
  return text.filter((part) => typeof part === "string").join("");
}
