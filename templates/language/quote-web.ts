import { CannotCarry } from "./cannot-carry.ts";
import type { Flat } from "./flat.ts";
import type { TagName } from "./script.ts";

/** A value in JSON (RFC 8259): within quotes, or as a whole string where there are none around it. */
export function jsonValue(flat: Flat, mark: number, value: string): string {
  const before = flat.source.slice(0, mark).replaceAll(/\\[^]/g, "");
  const text = JSON.stringify(value);
  return before.split('"').length % 2 === 0 ? text.slice(1, -1) : text;
}

/** A value in a URL (RFC 3986): a host, or one component of the rest. */
export function urlValue(flat: Flat, mark: number, tag: TagName, value: string): string {
  if (/^[a-z][\w+.-]*:\/\/[^/?#]*$/i.test(flat.source.slice(0, mark))) {
    if (!/^[\w.:[\]-]+$/.test(value)) {
      throw new CannotCarry(tag, "stands where a URL names a host, and is none");
    }
    return value;
  }
  if (!value.isWellFormed()) {
    throw new CannotCarry(tag, "holds half a character, which a URL cannot");
  }
  return encodeURIComponent(value).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
