import { CannotCarry } from "./cannot-carry.ts";
import type { Flat } from "./flat.ts";
import { type Quoter, quoterOf } from "./quoter.ts";
import type { TagName } from "./script.ts";

/** Where a tag stands between two delimiters: what it is part of. */
interface LdapPlace {
  /** Whether a `=` stands before it. */
  readonly isValue: boolean;
  /** Whether anything but blanks stands before it. */
  readonly continues: boolean;
}

/** Where each tag stands, in one walk; a backslash takes the meaning from what follows. */
function ldapPlaces(flat: Flat, delimiters: string): Map<number, LdapPlace> {
  const places = new Map<number, LdapPlace>();
  let isValue = false;
  let continues = false;
  for (let index = 0; index < flat.source.length; index += 1) {
    const char = flat.source[index] ?? "";
    if (flat.tags.has(index)) {
      places.set(index, { isValue, continues });
      continues = true;
    } else if (delimiters.includes(char)) {
      isValue = false;
      continues = false;
    } else {
      isValue ||= char === "=";
      continues ||= char.trim() !== "";
      index += char === "\\" && !flat.tags.has(index + 1) ? 1 : 0;
    }
  }
  return places;
}

function hex(char: string): string {
  return `\\${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function filterValue(place: LdapPlace, tag: TagName, value: string): string {
  if (place.isValue) {
    // oxlint-disable-next-line no-control-regex -- control characters are what is escaped
    return value.replaceAll(/[\\*()\x00-\x1f\x7f]/g, hex);
  }
  if (!/^[A-Za-z][\w;.-]*$/.test(value)) {
    throw new CannotCarry(tag, "stands where a filter names an attribute, and is no name of one");
  }
  return value;
}

/** Puts values into a filter (RFC 4515, section 3). */
export function filterQuoter(flat: Flat): Quoter {
  return quoterOf(ldapPlaces(flat, "()"), filterValue);
}

/** Whether a text is one or more RDNs. */
function isDn(value: string): boolean {
  return /^[A-Za-z0-9.-]+ *=(?:[^\\,]|\\[^])*(?:,\s*[A-Za-z0-9.-]+ *=(?:[^\\,]|\\[^])*)*$/.test(value);
}

function escapeDn(value: string): string {
  return (
    value
      .replaceAll(/[\\,+"<>;=]/g, "\\$&")
      // oxlint-disable-next-line no-control-regex -- control characters are what is escaped
      .replaceAll(/[\x00-\x1f\x7f]/g, hex)
      .replace(/^[ #]/, "\\$&")
      .replace(/(?<=[^]) $/, (blank, at: number) => (at === 1 && value === " " ? blank : "\\ "))
  );
}

function dnValue(place: LdapPlace, tag: TagName, value: string): string {
  if (place.isValue) {
    return escapeDn(value);
  }
  if (place.continues || !isDn(value)) {
    throw new CannotCarry(tag, "stands where a distinguished name goes on, and is no part of one");
  }
  return value;
}

/**
 * Puts values into a distinguished name (RFC 4514, section 2.4). A text that names no attribute is no DN but what
 * Active Directory takes in place of one (a user principal name), or a whole DN in a tag: values are taken as they are.
 */
export function dnQuoter(flat: Flat): Quoter {
  if (flat.source.includes("=")) {
    return quoterOf(ldapPlaces(flat, ",+"), dnValue);
  }
  return quoterOf(ldapPlaces(flat, ""), (_, tag, value) => {
    if (value.includes("\0")) {
      throw new CannotCarry(tag, "holds a NUL");
    }
    return value;
  });
}
