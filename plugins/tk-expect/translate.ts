import type { BoundScript, Command, Text } from "../../templates/language/script.ts";

/** What Expect waits when the script does not say. Seconds. */
const TIMEOUT = "10";
/** What `set timeout -1` means here: longer than any attempt. Seconds. */
const FOR_EVER = "3600";

/** A script of Expect as the commands of the terminal engine. */
export function translate({ script, values }: BoundScript): BoundScript {
  const first: Command = { name: "set-read-timeout", args: [[TIMEOUT]], line: script.commands[0]?.line ?? 1 };
  return { values, script: { commands: [first, ...script.commands.flatMap(translated)] } };
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
    case "exit":
    case "close":
      return [{ name: "end", args: [], line }];
    default:
      return [];
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
