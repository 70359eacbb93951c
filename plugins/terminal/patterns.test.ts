import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { glob, globOf, literal, regex } from "./patterns.ts";

const end = (pattern: ReturnType<typeof glob>, text: string) => pattern(text)?.end;

describe("a glob", () => {
  it.each([
    ["*$", "costs $5\nhost:~$ ", 16],
    ["*assword:", "Changing password for x.\nCurrent password: ", 42],
    ["Last*login*:", "Last login: now\nLast: login:", 28],
    ["*", "anything", 8],
    ["*done*", "is done, mostly", 15],
    ["a*a", "a", undefined],
    ["*a*b", "b a", undefined],
    ["done\r\n", "done\n", 5],
    ["", "text", 4],
  ])("%j ends in %j at %s", (pattern, text, at) => {
    expect(end(glob(pattern), text)).toBe(at);
  });

  it("says how far its own words reach, and whether more may follow", () => {
    expect(glob("*done*")("is done, mostly")).toEqual({ end: 15, reach: 7, open: true });
    expect(glob("*done")("is done, mostly")).toEqual({ end: 7, reach: 7, open: false });
  });

  it("takes a star in a value as it is", () => {
    expect(end(globOf(["", "a*b", ""]), "axb")).toBeUndefined();
    expect(end(globOf(["", "a*b", ""]), "a*b")).toBe(3);
  });

  it("finds what a regular expression finds, for all texts", () => {
    const some = fc.array(fc.constantFrom("a", "b", "*", "$", "\n"), { maxLength: 12 }).map((chars) => chars.join(""));
    fc.assert(
      fc.property(some, some, (pattern, text) => {
        const escaped = pattern.split("*").map((part) => part.replaceAll("$", "\\$"));
        const same = new RegExp(`^[^]*?${escaped.join("[^]*")}`).test(text);
        expect(glob(pattern)(text) !== undefined).toBe(same);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a literal text", () => {
  it("stands for itself, stars too, and is found where it stands last", () => {
    expect(end(literal("a*"), "a* a* ab")).toBe(5);
    expect(end(literal("a*"), "ab")).toBeUndefined();
  });
});

describe("a regular expression", () => {
  it.each([
    ["/[$#>] ?$/", "host$ x\nhost# ", 14],
    ["/password/i", "Password of PASSWORD: ", 20],
    ["/^host/m", "motd\nhost> ", 9],
    ["/a.b/", "a\nb", undefined],
    ["/a.b/s", "a\nb", 3],
    ["/yes|no/", "no yes no yesterday", 13],
    ["/done\\r?\\n/", "done\n", 5],
    ["# $", "root# ", 6],
  ])("%j ends in %j at %s", (source, text, at) => {
    expect(end(regex(source), text)).toBe(at);
  });

  it("takes time in proportion to the text, where others take forever", () => {
    const hostile = `${"a".repeat(200_000)}!`;
    for (const source of ["/(a+)+$/", "/(a|aa)+b/", "/(.*)*x/", "/a*a*a*a*a*b/"]) {
      expect(end(regex(source), hostile)).toBeUndefined();
    }
  });

  it.each([
    ["/(a)\\1/", "invalid escape sequence"],
    ["/(?=a)/", "invalid or unsupported Perl syntax"],
    ["/(/", "missing closing )"],
  ])("%s cannot be run: %s", (source, reason) => {
    expect(() => regex(source)).toThrow(reason);
  });
});
