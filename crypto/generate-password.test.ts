import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_STRENGTH, type LegalPassword, type Strength } from "../contracts/strength.ts";
import { countPasswords, generatePassword, PasswordImpossible, refuseImpossible } from "./generate-password.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const LETTERS = PRINTABLE.replaceAll(/[^a-zA-Z]/g, "");
const anything: LegalPassword = { alphabet: PRINTABLE, minLength: 1, maxLength: 128 };
const free: Strength = {
  ...DEFAULT_STRENGTH,
  lowercase: 0,
  uppercase: 0,
  digits: 0,
  symbols: 0,
  repeatedNeighbours: true,
};

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0;

const minimum = fc.integer({ min: 0, max: 6 });
const strengths = fc
  .record({
    lowercase: minimum,
    uppercase: minimum,
    digits: minimum,
    symbols: minimum,
    repeatedNeighbours: fc.boolean(),
  })
  .chain((minimums) =>
    fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 20 })).map(([minLength, more]) => ({
      ...minimums,
      minLength,
      maxLength: Math.max(
        minLength + more,
        minimums.lowercase + minimums.uppercase + minimums.digits + minimums.symbols,
      ),
      symbolSet: "-_.+=#",
    })),
  );
const legals = fc.record(
  {
    alphabet: fc.constantFrom(PRINTABLE, PRINTABLE.replaceAll(/[lIO01]/g, ""), `${LETTERS}0123456789-#`),
    minLength: fc.integer({ min: 0, max: 10 }),
    maxLength: fc.integer({ min: 24, max: 100 }),
    firstCharacter: fc.constant(LETTERS),
  },
  { requiredKeys: ["alphabet", "minLength", "maxLength"] },
);

describe("a generated password", () => {
  it("obeys the strength and the device", () => {
    fc.assert(
      fc.property(strengths, legals, (strength, legal) => {
        fc.pre(Math.max(strength.minLength, legal.minLength) <= Math.min(strength.maxLength, legal.maxLength));
        const letters = strength.lowercase + strength.uppercase;
        fc.pre(letters > 0 || strength.digits + strength.symbols < strength.minLength);
        const text = generatePassword(strength, legal).reveal();
        expect(text.length).toBeGreaterThanOrEqual(Math.max(strength.minLength, legal.minLength));
        expect(text.length).toBeLessThanOrEqual(Math.min(strength.maxLength, legal.maxLength));
        expect(count(text, /[a-z]/g)).toBeGreaterThanOrEqual(strength.lowercase);
        expect(count(text, /[A-Z]/g)).toBeGreaterThanOrEqual(strength.uppercase);
        expect(count(text, /[0-9]/g)).toBeGreaterThanOrEqual(strength.digits);
        expect(count(text, /[-_.+=#]/g)).toBeGreaterThanOrEqual(strength.symbols);
        expect([...text].filter((c) => !legal.alphabet.includes(c) || !/[a-zA-Z0-9\-_.+=#]/.test(c))).toEqual([]);
        if (!strength.repeatedNeighbours) expect(text).not.toMatch(/(.)\1/);
        if (legal.firstCharacter) expect(legal.firstCharacter).toContain(text[0]);
      }),
      { numRuns: 500 },
    );
  });

  it("meets minimums that fill the whole length", () => {
    const strength = {
      ...DEFAULT_STRENGTH,
      minLength: 16,
      maxLength: 16,
      lowercase: 1,
      uppercase: 1,
      digits: 13,
      symbols: 1,
    };
    expect(count(generatePassword(strength, anything).reveal(), /[0-9]/g)).toBe(13);
  });

  it("is uniform over all passwords that obey the rules", () => {
    // 16 passwords of two characters: at least one digit, no character twice in a row, a letter or 1 first.
    const strength = { ...free, minLength: 2, maxLength: 2, digits: 1, repeatedNeighbours: false };
    const legal = { alphabet: "abcDE01", firstCharacter: "abcDE1", minLength: 0, maxLength: 9 };
    const seen = new Map<string, number>();
    const draws = 32_000;
    for (let draw = 0; draw < draws; draw += 1) {
      const text = generatePassword(strength, legal).reveal();
      seen.set(text, (seen.get(text) ?? 0) + 1);
    }
    // Letter then digit 5 × 2, 1 then letter 5, 1 then 0.
    expect(seen.size).toBe(16);
    const expected = draws / 16;
    const chiSquare = [...seen.values()].reduce((sum, times) => sum + (times - expected) ** 2 / expected, 0);
    // 15 degrees of freedom: above 70 once in 10 billion honest runs.
    expect(chiSquare).toBeLessThan(70);
  });

  it("uses every length and every character", () => {
    const strength = { ...free, minLength: 8, maxLength: 11, symbolSet: "!~" };
    const texts = Array.from({ length: 2000 }, () => generatePassword(strength, anything).reveal());
    expect(new Set(texts.map((text) => text.length))).toEqual(new Set([8, 9, 10, 11]));
    expect(new Set(texts.join("")).size).toBe(64);
    expect(new Set(texts).size).toBe(2000);
  });
});

describe("rules that leave no password", () => {
  it.each<[string, Partial<Strength>, Partial<LegalPassword>, string]>([
    ["a class the device lacks", {}, { alphabet: LETTERS }, "wants digits"],
    ["minimums above the length", { minLength: 1, maxLength: 7 }, {}, "at least 8 characters, and at most 7"],
    ["a device that is too short", {}, { maxLength: 8 }, "at least 24 characters, and at most 8"],
    ["no first character", {}, { firstCharacter: " " }, "may stand first"],
    ["nothing in common", { ...free, symbolSet: "" }, { alphabet: "é" }, "no character in common"],
    ["too few characters to alternate", { ...free, repeatedNeighbours: false }, { alphabet: "a" }, "Hardly any"],
  ])("says so: %s", (_, strength, legal, sentence) => {
    const make = () => generatePassword({ ...DEFAULT_STRENGTH, ...strength }, { ...anything, ...legal });
    expect(make).toThrow(PasswordImpossible);
    expect(make).toThrow(sentence);
  });
});

describe("countPasswords", () => {
  const tiny: Strength = { ...free, minLength: 1, maxLength: 3, symbolSet: "" };

  it("counts the strings of all allowed lengths that meet every minimum", () => {
    expect(countPasswords(tiny)).toBe(62n + 62n ** 2n + 62n ** 3n);
    expect(countPasswords({ ...tiny, digits: 1 })).toBe(62n + 62n ** 2n + 62n ** 3n - (52n + 52n ** 2n + 52n ** 3n));
    expect(countPasswords({ ...tiny, minLength: 3, lowercase: 1, uppercase: 1, symbols: 1, symbolSet: "!?" })).toBe(
      6n * 26n * 26n * 2n,
    );
  });

  it("finds rules that no password meets", () => {
    expect(() => refuseImpossible({ ...tiny, lowercase: 2, digits: 2 })).toThrow("at least 4 characters");
    expect(() => refuseImpossible({ ...tiny, symbols: 1 })).toThrow("symbols");
    expect(() => refuseImpossible({ ...tiny, minLength: 9 })).toThrow("at most 3");
    const onlyOne = { ...free, minLength: 8, maxLength: 8, symbols: 8, symbolSet: "!", repeatedNeighbours: false };
    expect(() => refuseImpossible(onlyOne)).toThrow(PasswordImpossible);
    refuseImpossible({ ...onlyOne, repeatedNeighbours: true });
  });
});
