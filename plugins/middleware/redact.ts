import type { Secret } from "../../contracts/secret.ts";
import type { Context, SqlDialect } from "../../templates/language/dialect.ts";
import { flatten } from "../../templates/language/flat.ts";
import { CannotCarry, quoterFor } from "../../templates/language/render.ts";
import type { Text } from "../../templates/language/script.ts";

const MASK = "[secret]";
/** So many characters of a secret in a row are masked: a device may echo a part of what it got. */
const PART = 6;
const ENCODED_PART = 8;
/** A shorter form stands in every ordinary text by chance, and masking it there would give it away. */
const SHORTEST = 4;

const VALUE = { tag: "NEW_PASSWORD" } as const;
/** A place of every kind at which our own quoting puts a secret in its own way. */
const PLACES: readonly (readonly [Text, Context, SqlDialect?])[] = [
  [["printf '", VALUE, "'"], "typed"],
  [["printf ", VALUE], "typed"],
  [["'", VALUE, "'"], "sql", "postgresql"],
  [['"', VALUE, '"'], "sql", "postgresql"],
  [["'", VALUE, "'"], "sql", "mysql"],
  [['"', VALUE, '"'], "sql", "mysql"],
  [["`", VALUE, "`"], "sql", "mysql"],
  [["[", VALUE, "]"], "sql", "sql-server"],
  [["(a=", VALUE, ")"], "ldap-filter"],
  [["a=", VALUE], "ldap-dn"],
  [['"', VALUE, '"'], "json"],
  [["a://a/", VALUE], "url"],
  [[VALUE], "regex"],
];
const QUOTERS = PLACES.flatMap(([text, context, sql = "postgresql"]) => {
  const flat = flatten(text);
  const quoter = quoterFor(flat, context, sql);
  return [...flat.tags.keys()].map((mark) => (value: string) => quoter.quote(mark, VALUE.tag, value));
});

export type Redact = (text: string) => string;

/**
 * Makes a function that masks the secrets in a text: as they are, quoted in every way of ours, in base64, hex, URL,
 * JSON and HTML, also in UTF-16 as Active Directory has it, in any letter case, and every part of {@link PART}
 * characters or more (8 of an encoded form).
 */
export function createRedactor(secrets: readonly Secret[]): Redact {
  // Most calls of a plugin have nothing to mask, and the forms of a secret are many.
  let windows: Map<number, Set<string>> | undefined;
  return (text) => mask(text, (windows ??= partsOf(secrets)));
}

/** What is masked of the secrets, by length. */
function partsOf(secrets: readonly Secret[]): Map<number, Set<string>> {
  const windows = new Map<number, Set<string>>();
  for (const secret of secrets) {
    const value = secret.reveal();
    const wide = Buffer.from(value, "utf16le");
    for (const form of new Set([value, ...quotedForms(value), ...escapedForms(value)])) addParts(windows, form, PART);
    for (const form of new Set(encodedForms(Buffer.from(value)))) addParts(windows, form, ENCODED_PART);
    // It has twice the bytes.
    for (const form of new Set(encodedForms(wide))) addParts(windows, form, 2 * ENCODED_PART);
    addParts(windows, wide.toString("latin1"), 2 * PART);
  }
  return windows;
}

/** What stands in a command line, statement, filter, … for a secret. */
function quotedForms(value: string): string[] {
  if (value.length < SHORTEST) return [];
  return QUOTERS.flatMap((quote) => {
    try {
      return [quote(value)];
    } catch (error) {
      if (error instanceof CannotCarry) return [];
      throw error;
    }
  });
}

function escapedForms(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  return [
    json,
    json.replaceAll("/", "\\/"),
    encodeURIComponent(value.toWellFormed()),
    new URLSearchParams([["", value]]).toString().slice(1),
    value.replaceAll(/[^A-Za-z0-9]/g, String.raw`\$&`),
    value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;"),
  ];
}

function encodedForms(bytes: Buffer): string[] {
  // A secret inside a longer base64 text looks different at each of three offsets; the edge characters mix with
  // their neighbours and are left out.
  const shifted = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return text.slice(before === 0 ? 0 : before + 1, -1);
  });
  const whole = bytes.toString("base64").replace(/=+$/, "");
  return [
    bytes.toString("hex"),
    ...[...shifted, whole].flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")]),
  ];
}

function addParts(windows: Map<number, Set<string>>, form: string, length: number): void {
  const lower = asciiLower(form);
  if (lower.length < SHORTEST) return;
  const size = Math.min(length, lower.length);
  const parts = windows.get(size) ?? new Set();
  for (let at = 0; at + size <= lower.length; at += 1) parts.add(lower.slice(at, at + size));
  windows.set(size, parts);
}

/** Unlike toLowerCase it never changes the length, so positions stay true. */
function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function mask(text: string, windows: ReadonlyMap<number, ReadonlySet<string>>): string {
  const lower = asciiLower(text);
  let masked = "";
  /** Everything before it is written. */
  let done = 0;
  /** The end of the mask being written. */
  let hidden = 0;
  for (let at = 0; at < lower.length; at += 1) {
    let end = 0;
    for (const [size, parts] of windows) if (parts.has(lower.slice(at, at + size))) end = Math.max(end, at + size);
    if (end === 0) continue;
    if (at > hidden || hidden === 0) masked += text.slice(done, at) + MASK;
    hidden = Math.max(hidden, end);
    done = hidden;
  }
  return masked + text.slice(done);
}
