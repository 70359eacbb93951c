import { CannotCarry } from "./cannot-carry.ts";
import type { Flat } from "./flat.ts";
import type { TagName } from "./script.ts";

function hex(char: string): string {
  return `\\${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** A value within a filter (RFC 4515, section 3), or the name of an attribute. */
export function filterValue(flat: Flat, mark: number, tag: TagName, value: string): string {
  const open = Math.max(flat.source.lastIndexOf("(", mark), flat.source.lastIndexOf(")", mark)) + 1;
  if (flat.source.slice(open, mark).includes("=")) {
    // oxlint-disable-next-line no-control-regex -- control characters are what is escaped
    return value.replaceAll(/[\\*()\x00-\x1f\x7f]/g, hex);
  }
  if (!/^[A-Za-z][\w;.-]*$/.test(value)) {
    throw new CannotCarry(tag, "stands where a filter names an attribute, and is no name of one");
  }
  return value;
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
      .replace(/(?<!^\\?) $/, "\\ ")
  );
}

/**
 * A value within a distinguished name (RFC 4514, section 2.4). Where the text names no attribute it is no DN but what
 * Active Directory takes in place of one (a user principal name), or a whole DN in a tag: it is taken as it is.
 */
export function dnValue(flat: Flat, mark: number, tag: TagName, value: string): string {
  if (value.includes("\0")) {
    throw new CannotCarry(tag, "holds a NUL");
  }
  if (!flat.source.includes("=")) {
    return value;
  }
  const start = Math.max(flat.source.lastIndexOf(",", mark), flat.source.lastIndexOf("+", mark)) + 1;
  const before = flat.source.slice(start, mark);
  if (before.includes("=")) {
    return escapeDn(value);
  }
  if (before.trim() !== "" || !isDn(value)) {
    throw new CannotCarry(tag, "stands where a distinguished name goes on, and is no part of one");
  }
  return value;
}
