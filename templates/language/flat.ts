import type { Tag, Text } from "./script.ts";

/** Stands for a tag in a flat text. No character of Unicode, and taken out of what is read. */
export const MARK = "\uFFFF";

/** A body without byte order marks, and without marks that are no tags. */
export function cleanBody(body: string): string {
  return body.replaceAll(/[\uFEFF\uFFFF]/g, "");
}

/** A text as one string, with a {@link MARK} for each tag. */
export interface Flat {
  readonly source: string;
  readonly tags: ReadonlyMap<number, Tag>;
}

export function flatten(text: Text): Flat {
  const tags = new Map<number, Tag>();
  let source = "";
  for (const part of text) {
    if (typeof part === "string") {
      source += part;
    } else {
      tags.set(source.length, part);
      source += MARK;
    }
  }
  return { source, tags };
}

/** The text again, from a string whose marks stand for these tags in order. */
export function unflatten(source: string, tags: Iterable<Tag>): Text {
  const left = [...tags];
  const parts: (string | Tag)[] = [];
  for (const [index, literal] of source.split(MARK).entries()) {
    const tag = index === 0 ? undefined : left[index - 1];
    if (tag !== undefined) {
      parts.push(tag);
    }
    if (literal !== "") {
      parts.push(literal);
    }
  }
  return parts;
}
