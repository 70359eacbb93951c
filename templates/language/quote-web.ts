import { CannotCarry } from "./cannot-carry.ts";
import type { Flat } from "./flat.ts";
import { type Quoter, quoterOf } from "./quoter.ts";
import type { TagName } from "./script.ts";

/** Puts values into JSON (RFC 8259): within quotes, or as whole strings where there are none around them. */
export function jsonQuoter(flat: Flat): Quoter {
  const places = new Map<number, { readonly inString: boolean }>();
  let inString = false;
  for (let index = 0; index < flat.source.length; index += 1) {
    if (flat.tags.has(index)) {
      places.set(index, { inString });
    } else if (flat.source[index] === "\\") {
      index += flat.tags.has(index + 1) ? 0 : 1;
    } else if (flat.source[index] === '"') {
      inString = !inString;
    }
  }
  return quoterOf(places, (place, _, value) => {
    const text = JSON.stringify(value);
    return place.inString ? text.slice(1, -1) : text;
  });
}

function hostValue(tag: TagName, value: string): string {
  if (!/^[\w.:[\]-]+$/.test(value)) {
    throw new CannotCarry(tag, "stands where a URL names a host, and is none");
  }
  return value;
}

function componentValue(tag: TagName, value: string): string {
  if (!value.isWellFormed()) {
    throw new CannotCarry(tag, "holds half a character, which a URL cannot");
  }
  return encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Puts values into a URL (RFC 3986): a host, or one component of the rest. */
export function urlQuoter(flat: Flat): Quoter {
  const hostEnd = /^[a-z][\w+.-]*:\/\/[^/?#]*/i.exec(flat.source)?.[0].length ?? 0;
  const places = new Map([...flat.tags.keys()].map((mark) => [mark, { isHost: mark < hostEnd }]));
  return quoterOf(places, (place, tag, value) => (place.isHost ? hostValue(tag, value) : componentValue(tag, value)));
}
