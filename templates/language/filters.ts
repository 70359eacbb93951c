import { flatten, unflatten } from "./flat.ts";
import type { Reading } from "./reading.ts";
import { complaint, type Place } from "./rules.ts";
import type { Text } from "./script.ts";

/** How many parentheses are open at the end, and how many closed that were never opened. */
function balance(source: string): { open: number; surplus: number } {
  let open = 0;
  let surplus = 0;
  for (let index = 0; index < source.length; index += 1) {
    const char = source[index];
    if (char === "\\") {
      index += 1;
    } else if (char === "(") {
      open += 1;
    } else if (char === ")") {
      surplus += open === 0 ? 1 : 0;
      open -= open === 0 ? 0 : 1;
    }
  }
  return { open, surplus };
}

/** Gives a filter of LDAP the parentheses that its author meant: around it, at its end, not one too many. */
export function mendFilter(text: Text, place: Place): Reading<Text> {
  const flat = flatten(text);
  const { open, surplus } = balance(flat.source);
  let mended = flat.source + ")".repeat(open);
  const closing = /\)*$/.exec(flat.source)?.[0].length ?? 0;
  if (surplus > 0 && surplus <= closing) {
    mended = mended.slice(0, -surplus);
  }
  if (mended.includes("=") && !mended.startsWith("(")) {
    mended = `(${mended})`;
  }
  const message = "The parentheses of the filter do not match: read as if they did.";
  return {
    value: unflatten(mended, flat.tags.values()),
    complaints: mended === flat.source ? [] : [complaint("filter.parentheses", message, place)],
  };
}
