/** What several devices can take alike, and whether one can take a given password. Pure. */
import type { LegalPassword } from "./strength.ts";

/**
 * What every one of these devices can take.
 * @returns undefined when no password is legal for all of them
 */
export function intersectLegal(legals: readonly LegalPassword[]): LegalPassword | undefined {
  const alphabet = inCommon(legals.map((legal) => legal.alphabet));
  const first = inCommon(legals.map((legal) => legal.firstCharacter ?? legal.alphabet));
  const minLength = Math.max(...legals.map((legal) => legal.minLength));
  const maxLength = Math.min(...legals.map((legal) => legal.maxLength));
  if (first === "" || minLength > maxLength) return undefined;
  return { alphabet, minLength, maxLength, ...(first === alphabet ? {} : { firstCharacter: first }) };
}

/** The characters that stand in each of the texts, in the first one's order. */
function inCommon([text = "", ...others]: readonly string[]): string {
  const sets = others.map((other) => new Set(other));
  return [...new Set(text)].filter((character) => sets.every((set) => set.has(character))).join("");
}

/** Whether a device can take this password. Lengths count characters. */
export function isLegal(legal: LegalPassword, text: string): boolean {
  const characters = [...text];
  const allowed = new Set(legal.alphabet);
  return (
    characters.length >= legal.minLength &&
    characters.length <= legal.maxLength &&
    characters.every((character) => allowed.has(character)) &&
    (legal.firstCharacter ?? legal.alphabet).includes(characters[0] ?? "")
  );
}
