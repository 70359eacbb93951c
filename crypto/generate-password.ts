import { randomBytes, randomInt } from "node:crypto";
import { Secret } from "../contracts/secret.ts";
import type { LegalPassword, Strength } from "../contracts/strength.ts";

/** Enough for every rule that leaves at least one password in some thousand; more is a rule to mend. */
const TRIES = 20_000;

/** The strength and the device leave no password, or hardly any. */
export class PasswordImpossible extends Error {
  override readonly name = "PasswordImpossible";
}

interface CharacterClass {
  readonly name: string;
  readonly characters: readonly string[];
  /** At least so many of them. */
  readonly least: number;
}

/**
 * Makes a password that obeys the strength and that the device can take. Its length is uniform over the allowed
 * lengths, and the password is uniform over all passwords of that length that obey every rule.
 * @throws PasswordImpossible with the rule that cannot be kept
 */
export function generatePassword(strength: Strength, legal: LegalPassword): Secret {
  const classes = usableClasses(strength, legal);
  const [shortest, longest] = lengths(strength, legal, classes);
  const first = new Set(legal.firstCharacter ?? legal.alphabet);
  if (!classes.some(({ characters }) => characters.some((character) => first.has(character))))
    throw new PasswordImpossible("No allowed character may stand first.");
  const length = randomInt(shortest, longest + 1);
  const ways = countWays(classes, length);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const characters = shuffled(drawCounts(classes, ways, length).flatMap(drawCharacters));
    if (!first.has(characters[0] ?? "")) continue;
    if (!strength.repeatedNeighbours && characters.some((character, at) => character === characters[at - 1])) continue;
    return new Secret(characters.join(""));
  }
  throw new PasswordImpossible(
    "Hardly any password fits: the characters allowed are too few for the length, the first character or no repetition.",
  );
}

function usableClasses(strength: Strength, legal: LegalPassword): CharacterClass[] {
  const alphabet = [...new Set(legal.alphabet)];
  const plain = /[a-zA-Z0-9]/;
  const symbols = new Set([...strength.symbolSet].filter((character) => !plain.test(character)));
  const classes = [
    { name: "lower-case letters", characters: alphabet.filter((c) => /[a-z]/.test(c)), least: strength.lowercase },
    { name: "upper-case letters", characters: alphabet.filter((c) => /[A-Z]/.test(c)), least: strength.uppercase },
    { name: "digits", characters: alphabet.filter((c) => /[0-9]/.test(c)), least: strength.digits },
    { name: "symbols", characters: alphabet.filter((c) => symbols.has(c)), least: strength.symbols },
  ];
  const missing = classes.find(({ characters, least }) => least > 0 && characters.length === 0);
  if (missing)
    throw new PasswordImpossible(`The strength wants ${missing.name}, and the device can take none of them.`);
  const usable = classes.filter(({ characters }) => characters.length > 0);
  if (usable.length === 0) throw new PasswordImpossible("The strength and the device have no character in common.");
  return usable;
}

function lengths(strength: Strength, legal: LegalPassword, classes: readonly CharacterClass[]): [number, number] {
  const needed = classes.reduce((sum, { least }) => sum + least, 0);
  const shortest = Math.max(strength.minLength, legal.minLength, needed, 1);
  const longest = Math.min(strength.maxLength, legal.maxLength);
  if (shortest > longest)
    throw new PasswordImpossible(
      `The password would need at least ${shortest} characters, and at most ${longest} are allowed.`,
    );
  return [shortest, longest];
}

/** A device that takes every character the strength names. */
function willing({ symbolSet, maxLength }: Strength): LegalPassword {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  return { alphabet: `${letters}${letters.toUpperCase()}0123456789${symbolSet}`, minLength: 1, maxLength };
}

/** @throws PasswordImpossible when no password can meet the strength, or hardly any, even where the device takes all */
export function refuseImpossible(strength: Strength): void {
  generatePassword(strength, willing(strength));
}

/**
 * How many passwords meet the strength's lengths and counts, where the device takes all. The rule about neighbours is
 * left out of account.
 * @throws PasswordImpossible when none does
 */
export function countPasswords(strength: Strength): bigint {
  const classes = usableClasses(strength, willing(strength));
  const [shortest, longest] = lengths(strength, willing(strength), classes);
  const ways = countWays(classes, longest)[0] ?? [];
  return ways.slice(shortest).reduce((sum, some) => sum + some, 0n);
}

/** `ways[c][l]`: how many strings of length l use the classes from c on only and meet their minimums. */
type Ways = readonly (readonly bigint[])[];

function countWays(classes: readonly CharacterClass[], length: number): Ways {
  let later: bigint[] = Array.from({ length: length + 1 }, (_, l) => (l === 0 ? 1n : 0n));
  const ways = [later];
  for (const { characters, least } of classes.toReversed()) {
    const next = later;
    later = next.map((_, l) => {
      let sum = 0n;
      for (const term of terms({ size: characters.length, least, later: next, length: l })) sum += term.ways;
      return sum;
    });
    ways.unshift(later);
  }
  return ways;
}

/** For each count of one class: the strings of this length with so many of its characters. */
function* terms({
  size,
  least,
  later,
  length,
}: {
  size: number;
  least: number;
  later: readonly bigint[];
  length: number;
}) {
  let choices = 1n;
  for (let count = 0; count <= length; count += 1) {
    if (count > 0) choices = (choices * BigInt(length - count + 1) * BigInt(size)) / BigInt(count);
    if (count >= least) yield { count, ways: choices * (later[length - count] ?? 0n) };
  }
}

/** Draws how many characters each class gets, with the odds of a uniform draw over all strings. */
function drawCounts(classes: readonly CharacterClass[], ways: Ways, length: number) {
  let left = length;
  return classes.map(({ characters, least }, index) => {
    let ticket = randomBelow(ways[index]?.[left] ?? 0n);
    for (const term of terms({ size: characters.length, least, later: ways[index + 1] ?? [], length: left })) {
      if (ticket < term.ways) {
        left -= term.count;
        return { characters, count: term.count };
      }
      ticket -= term.ways;
    }
    throw new Error("The draw lies above the number of passwords.");
  });
}

function drawCharacters({ characters, count }: { characters: readonly string[]; count: number }): string[] {
  return Array.from({ length: count }, () => characters[randomInt(characters.length)] ?? "");
}

/** Fisher and Yates. */
function shuffled(characters: string[]): string[] {
  for (let at = characters.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [characters[at], characters[other]] = [characters[other] ?? "", characters[at] ?? ""];
  }
  return characters;
}

/** Uniform over 0 … limit − 1: draws again rather than folding the surplus back. */
function randomBelow(limit: bigint): bigint {
  const bits = limit.toString(2).length;
  const bytes = Math.ceil(bits / 8);
  for (;;) {
    const draw = BigInt(`0x${randomBytes(bytes).toString("hex")}`) >> BigInt(bytes * 8 - bits);
    if (draw < limit) return draw;
  }
}
