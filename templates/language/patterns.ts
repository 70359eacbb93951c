import type { Context, Dialect } from "./dialect.ts";
import { flatten, unflatten } from "./flat.ts";
import { whyNoRegex } from "./regex.ts";
import { mendFilter } from "./filters.ts";
import type { Reading } from "./reading.ts";
import { complaint, type Place } from "./rules.ts";
import type { Complaint, Text } from "./script.ts";

interface Asked {
  readonly text: Text;
  readonly context: Context;
  readonly form: Dialect["form"];
  readonly place: Place;
}

const SLASHED = /^\/[^]*\/[ims]*$/;
const META = /[\\^$.|?*+()[\]{}]/;
const ENDINGS: Readonly<Record<string, string>> = { "\\r": "\r", "\\n": "\n", "\\t": "\t" };

function escapeRegex(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}/]/g, "\\$&");
}

/** A glob, in which `*` is the only wildcard, as a regular expression. */
function globSource(glob: string): string {
  return glob.split("*").map(escapeRegex).join("(?s:.*)");
}

/** A dollar sign before a character: the end of the output, and then more of it. Sets and escapes are passed over. */
const DOLLAR_BEFORE_TEXT = /\\[^]|\[(?:\\[^]|[^\]\\])*\]?|\$(?=[^\\^$.|?*+()[\]{}/](?![*?{]))/g;

/** Takes a dollar sign that nothing can meet as the end of a prompt. */
function mendDollars(source: string, place: Place): { source: string; complaints: Complaint[] } {
  const mended = source.replaceAll(DOLLAR_BEFORE_TEXT, (found) => (found === "$" ? "\\$" : found));
  const message = "Nothing comes behind the end, which a dollar sign means: read as the character.";
  return { source: mended, complaints: mended === source ? [] : [complaint("regex.dollar", message, place)] };
}

function mendRegex(source: string, place: Place): { source: string; complaints: Complaint[] } {
  if (SLASHED.test(source)) {
    const body = source.slice(1, source.lastIndexOf("/"));
    const message = "This regular expression is plain text; expect would do.";
    if (!META.test(body) && body !== "") return { source, complaints: [complaint("regex.literal", message, place)] };
    return /\/[is]*$/.test(source) ? mendDollars(source, place) : { source, complaints: [] };
  }
  const { source: body, complaints } = mendDollars(source.replace(/^\/(?=[^])/, ""), place);
  if (whyNoRegex(body) !== undefined && body.includes("*")) {
    const message = "This is no regular expression: read as a text in which * stands for anything.";
    return { source: `/${globSource(body)}/`, complaints: [complaint("regex.glob", message, place)] };
  }
  const message = "A regular expression stands between slashes: read as if it did.";
  return { source: `/${body}/`, complaints: [complaint("regex.no-slashes", message, place), ...complaints] };
}

function mendGlob(source: string, place: Place): { source: string; complaints: Complaint[] } {
  const mended = source
    .replaceAll(/\[([A-Za-z])([A-Za-z])\]/g, (set, one: string, other: string) =>
      one !== other && one.toLowerCase() === other.toLowerCase() ? "*" : set,
    )
    .replaceAll(/(?<!\.)\.\*|\[[^\][]+\]\+|\\[dsw][+*]/g, "*")
    .replace(/(?:\\[rnt])+(?=\*?$)/, (ending) => ending.replaceAll(/\\[rnt]/g, (escape) => ENDINGS[escape] ?? ""));
  const message = "Only * is a wildcard: what is written as in a regular expression is read as the author meant it.";
  return { source: mended, complaints: mended === source ? [] : [complaint("pattern.not-a-glob", message, place)] };
}

/** Makes of a pattern or a filter what its author meant. A regular expression has its slashes afterwards. */
export function mendPattern(asked: Asked): Reading<Text> {
  const { text, context, form, place } = asked;
  if (context === "ldap-filter") {
    return mendFilter(text, place);
  }
  if (context !== "pattern" && context !== "regex") {
    return { value: text, complaints: [] };
  }
  const flat = flatten(text);
  if (/^\/?\/?$/.test(flat.source)) {
    const message = "An empty pattern is met at once: nothing is waited for.";
    return { value: text, complaints: [complaint("pattern.empty", message, place)] };
  }
  if (form === "expect") {
    return { value: text, complaints: [] };
  }
  const mended = context === "regex" ? mendRegex(flat.source, place) : mendGlob(flat.source, place);
  return { value: unflatten(mended.source, flat.tags.values()), complaints: mended.complaints };
}
