/** A search that finds nothing must be one that could: every form of a secret is found, in the middle of other text. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { findLeaks } from "./find-leaks.ts";

const VALUE = `Kn"\\'0f3a9c77b1 /<&%+=?e2d46a0b95~Z`;
const canaries = [{ name: "the password", value: VALUE }];
const bytes = Buffer.from(VALUE);
const base64At = (before: number) => Buffer.from(`${"x".repeat(before)}${VALUE}yy`).toString("base64");

const ENCODINGS: readonly { name: string; text: string }[] = [
  { name: "as it is", text: VALUE },
  { name: "cut short", text: VALUE.slice(0, 20) },
  { name: "its end", text: VALUE.slice(-18) },
  { name: "in JSON", text: JSON.stringify({ password: VALUE }) },
  { name: "in JSON in JSON", text: JSON.stringify({ body: JSON.stringify({ password: VALUE }) }) },
  { name: "printed by Node", text: inspect({ password: VALUE }) },
  { name: "in a URL", text: `/v1/x?q=${encodeURIComponent(VALUE)}` },
  { name: "in a form", text: String(new URLSearchParams({ q: VALUE, r: "1" })) },
  { name: "in a statement", text: `password '${VALUE.replaceAll("'", "''")}'` },
  { name: "in hex", text: `\\x00${bytes.toString("hex")}00` },
  { name: "in upper-case hex", text: bytes.toString("hex").toUpperCase() },
  { name: "in base64, first offset", text: base64At(0) },
  { name: "in base64, second offset", text: base64At(1) },
  { name: "in base64, third offset", text: base64At(2) },
  { name: "in base64 with padding", text: bytes.toString("base64") },
  { name: "in base64url", text: Buffer.from(`a${VALUE}`).toString("base64url") },
  { name: "in UTF-16", text: Buffer.from(VALUE, "utf16le").toString("latin1") },
];

describe("findLeaks", () => {
  test.each(ENCODINGS)("finds a secret $name", ({ text }) => {
    const found = findLeaks([{ where: "a log", text: `before ${text} after` }], canaries);
    expect(found).not.toEqual([]);
    for (const line of found) expect(line).toMatch(/^a log: the password as /);
  });

  test("finds nothing where nothing is, and shows nothing of what it found", () => {
    expect(findLeaks([{ where: "a log", text: "password [secret], Kn, 0f3a9c" }], canaries)).toEqual([]);
    expect(findLeaks([{ where: "a log", text: VALUE }], canaries).join()).not.toContain(VALUE.slice(3, 12));
  });
});
