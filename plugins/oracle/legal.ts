import type { LegalPassword } from "../../contracts/strength.ts";

const LONGEST = 30;
const ALPHABET = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  .join("")
  .replace('"', "");

/**
 * Printable ASCII but the double quote, which stands around a password and cannot be written in it; 30 bytes are the
 * longest that every version takes. https://docs.oracle.com/en/database/oracle/oracle-database/19/sqlrf/CREATE-USER.html
 */
export const LEGAL: LegalPassword = { alphabet: ALPHABET, minLength: 1, maxLength: LONGEST };

export function isLegal(password: string): boolean {
  return password.length <= LONGEST && /^[ !#-~]+$/.test(password);
}
