import { RE2JS } from "re2js";

/** Longer ones take memory and time that no pattern for a prompt needs. Characters. */
const LONGEST = 1000;

/**
 * Why RE2 does not take a regular expression; undefined when it does. RE2 is what runs it on a device's output, in time
 * in proportion to the output: no expression can stop a worker.
 * @param source without slashes
 */
export function whyNoRegex(source: string): string | undefined {
  if (source.length > LONGEST) {
    return `it is longer than ${LONGEST} characters`;
  }
  try {
    RE2JS.compile(RE2JS.translateRegExp(source));
    return undefined;
  } catch (error) {
    return error instanceof Error && error.message.includes("Perl syntax")
      ? "it looks around, which RE2 cannot"
      : "RE2 cannot read it";
  }
}
