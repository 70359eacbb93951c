import { nearest } from "./nearest.ts";
import { complaint, type Place } from "./rules.ts";
import { type Complaint, PARAMETER_TAGS, PASSWORD_TAGS, PLAIN_TAGS, type Tag, type TagName } from "./script.ts";

const KNOWN = [...PASSWORD_TAGS, ...PLAIN_TAGS, ...PARAMETER_TAGS] as const;
const OPEN_ENDED = /^(?:APP|SECRET|ACCESS_KEY|CREDENTIAL)_\w+$/;
const TAG = /\[#[ \t]*([A-Za-z][\w.-]*)[ \t]*#\]/g;
/** What begins like a tag. `[#` also begins a set of characters in a regular expression: only known names count. */
const BROKEN = /\[#([A-Za-z]\w*)|(?<![#\w])([A-Za-z]\w*)#\]/g;

/** A tag or a piece of literal text, with where it begins in what was cut. */
export interface Piece {
  readonly at: number;
  readonly value: string | Tag;
}

function isTagName(name: string): name is TagName {
  return KNOWN.some((known) => known === name) || OPEN_ENDED.test(name);
}

/** The tags whose names are open-ended: those of secret management. */
export function isOpenEnded(name: TagName): boolean {
  return OPEN_ENDED.test(name);
}

function unknownTag(name: string, place: Place): Complaint {
  const meant = nearest(name, KNOWN);
  const hint = meant === undefined ? "" : `; [#${meant}#] may be meant`;
  return complaint("tag.unknown", `There is no tag [#${name.slice(0, 60)}#]${hint}.`, place);
}

/**
 * Finds the tags of a text, in any case.
 * @param placeOf where an offset of the text is in the body
 */
export function cutTags(
  text: string,
  placeOf: (offset: number) => Place,
): { pieces: Piece[]; complaints: Complaint[] } {
  const pieces: Piece[] = [];
  const complaints: Complaint[] = [];
  let done = 0;
  for (const match of text.matchAll(TAG)) {
    const name = (match[1] ?? "").toUpperCase();
    if (!isTagName(name)) {
      complaints.push(unknownTag(name, placeOf(match.index)));
      continue;
    }
    if (match.index > done) {
      pieces.push({ at: done, value: text.slice(done, match.index) });
    }
    pieces.push({ at: match.index, value: { tag: name } });
    done = match.index + match[0].length;
  }
  if (done < text.length) {
    pieces.push({ at: done, value: text.slice(done) });
  }
  return { pieces, complaints: [...complaints, ...brokenTags(pieces, placeOf)] };
}

function brokenTags(pieces: readonly Piece[], placeOf: (offset: number) => Place): Complaint[] {
  return pieces.flatMap(({ at, value }) => {
    if (typeof value !== "string") {
      return [];
    }
    return [...value.matchAll(BROKEN)].flatMap((match) => {
      const name = (match[1] ?? match[2] ?? "").toUpperCase();
      return KNOWN.some((known) => known === name)
        ? [complaint("tag.broken", `A tag is written [#${name}#], with both ends.`, placeOf(at + match.index))]
        : [];
    });
  });
}

/** A text in which the known tags are written in upper case. */
export function upperCaseTags(text: string): string {
  return text.replaceAll(TAG, (whole, name: string) => {
    const tag = name.toUpperCase();
    return isTagName(tag) ? `[#${tag}#]` : whole;
  });
}
