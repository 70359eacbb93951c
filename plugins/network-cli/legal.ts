import type { LegalPassword } from "../../contracts/strength.ts";

const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/**
 * Without what these command lines take for something else: a blank ends the word, `?` asks for help, quotes and `\`
 * enclose, `|`, `<` and `>` lead on, `;` and `$` are NX-OS's.
 */
const SYMBOLS = "!#%&*+,-./:=@^_~";

/** What a new password may hold: it stands as a word in a line of configuration, where `!` and `#` begin remarks. */
export function legalPassword(longest: number): LegalPassword {
  return {
    alphabet: LETTERS_AND_DIGITS + SYMBOLS,
    // One digit alone would be read as the kind of what follows.
    minLength: 2,
    maxLength: longest,
    firstCharacter: LETTERS_AND_DIGITS,
  };
}

export function isLegal(password: string, longest: number): boolean {
  return password.length <= longest && /^[A-Za-z0-9][A-Za-z0-9!#%&*+,./:=@^_~-]+$/.test(password);
}

/** Whether a name can stand as a word in a line. */
export function isLegalUsername(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.test(name);
}
