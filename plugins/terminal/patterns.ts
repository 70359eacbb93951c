/**
 * What a template waits for. Carriage returns are taken out of what a device says, and here as well. Each takes time in proportion to the text, whatever a device says.
 */
import { RE2JS } from "re2js";

export interface Match {
  /** Where the match ends; what stands before it is consumed. */
  readonly end: number;
  /** Where its last own word ends: before `end` when the pattern says that anything may follow. */
  readonly reach: number;
  /** Whether the pattern says that anything may follow. */
  readonly open: boolean;
}

/** Finds itself in a text, as late as it can. */
export type Pattern = (text: string) => Match | undefined;

function closed(end: number): Match {
  return { end, reach: end, open: false };
}

/** The text itself. */
export function literal(text: string): Pattern {
  const word = text.replaceAll("\r", "");
  return (seen) => {
    const at = seen.lastIndexOf(word);
    return at < 0 ? undefined : closed(at + word.length);
  };
}

/**
 * A glob in which `*` stands for any text, line ends too, and takes as much as it can.
 * @param parts the texts between the stars; a star inside one means itself
 */
export function globOf(parts: readonly string[]): Pattern {
  const open = parts.at(-1) === "" && parts.length > 1;
  const words = parts.map((part) => part.replaceAll("\r", "")).filter((part) => part !== "");
  const last = words.at(-1);
  if (last === undefined) return (seen) => ({ end: seen.length, reach: seen.length, open: true });
  return (seen) => {
    let from = 0;
    for (const word of words) {
      const at = seen.indexOf(word, from);
      if (at < 0) return undefined;
      from = at + word.length;
    }
    const reach = seen.lastIndexOf(last) + last.length;
    return open ? { end: seen.length, reach, open } : closed(reach);
  };
}

/** A glob as it is written. */
export function glob(text: string): Pattern {
  return globOf(text.split("*"));
}

/** How much of the output a regular expression is tried on, from its end: the engine is exact and not fast. Characters. */
const REGEX_WINDOW = 16_384;
const FLAGS: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  m: RE2JS.MULTILINE,
  s: RE2JS.DOTALL,
};

/**
 * A regular expression, `/…/` with flags out of `ims`, run by RE2: a template is written by people and run on what a
 * device says, and a backtracking engine would let either stop the worker.
 * @throws Error when RE2 does not know it: it has no backreferences and no lookarounds
 */
export function regex(text: string): Pattern {
  const [, body = text, letters = ""] = /^\/([^]*)\/([ims]*)$/.exec(text) ?? [];
  let flags = 0;
  for (const letter of letters) flags |= FLAGS[letter] ?? 0;
  // The last match, as for a glob, because a prompt is the last thing that a device says; found in one pass.
  const compiled = RE2JS.compile(`(?s:.*)(?:${RE2JS.translateRegExp(withoutReturns(body))})`, flags);
  return (seen) => {
    const from = Math.max(0, seen.length - REGEX_WINDOW);
    const matcher = compiled.matcher(seen.slice(from));
    return matcher.lookingAt() ? closed(from + matcher.end()) : undefined;
  };
}

function withoutReturns(body: string): string {
  return body.replaceAll(/(\\\\)|\\r[?*+]?(?!\])/g, "$1");
}
