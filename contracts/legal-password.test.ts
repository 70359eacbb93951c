import { describe, expect, it } from "vitest";
import { intersectLegal, isLegal } from "./legal-password.ts";
import type { LegalPassword } from "./strength.ts";

const wide: LegalPassword = { alphabet: "abcdef0123#", minLength: 1, maxLength: 128 };
const narrow: LegalPassword = { alphabet: "fedcba0", minLength: 8, maxLength: 12 };

describe("what several devices can take", () => {
  it.each<[string, LegalPassword[], LegalPassword | undefined]>([
    ["one alone", [wide], wide],
    ["the common characters and the narrower lengths", [wide, narrow], { ...narrow, alphabet: "abcdef0" }],
    [
      "a first character that all admit",
      [{ ...wide, firstCharacter: "ab0" }, narrow, { ...wide, firstCharacter: "b0#" }],
      { ...narrow, alphabet: "abcdef0", firstCharacter: "b0" },
    ],
    [
      "a first character that only one restricts",
      [wide, { ...narrow, firstCharacter: "0" }],
      { ...narrow, alphabet: "abcdef0", firstCharacter: "0" },
    ],
    ["nothing: lengths apart", [{ ...wide, maxLength: 7 }, narrow], undefined],
    ["nothing: no character in common", [wide, { ...narrow, alphabet: "xyz" }], undefined],
    ["nothing: no first character in common", [wide, { ...narrow, firstCharacter: "9" }], undefined],
  ])("%s", (_, legals, expected) => expect(intersectLegal(legals)).toEqual(expected));
});

describe("whether a device can take a password", () => {
  const legal = { ...narrow, firstCharacter: "ab" };
  it.each([
    ["abcdef00", true],
    ["abcdef0", false],
    ["abcdefabcdef0", false],
    ["abcdef#0", false],
    ["0abcdefa", false],
    ["", false],
  ])("%j: %s", (text, expected) => expect(isLegal(legal, text)).toBe(expected));

  it("counts characters, not halves of them", () => {
    const astral: LegalPassword = { alphabet: "𝒳", minLength: 2, maxLength: 2 };
    expect(isLegal(astral, "𝒳")).toBe(false);
    expect(isLegal(astral, "𝒳𝒳")).toBe(true);
  });

  it("takes an empty one only where a length of zero is legal", () => {
    expect(isLegal({ ...wide, minLength: 0 }, "")).toBe(true);
    expect(isLegal(wide, "")).toBe(false);
  });
});
