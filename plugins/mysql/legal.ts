import type { LegalPassword } from "../../contracts/strength.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const LONGEST = 79;

/**
 * What is made and sent for MySQL and MariaDB: printable ASCII, which every client's character set reads alike, and at
 * most 79 characters, which the password prompts of old command line clients still take.
 */
export const LEGAL: LegalPassword = { alphabet: PRINTABLE, minLength: 1, maxLength: LONGEST };

export function isLegal(password: string): boolean {
  return password.length <= LONGEST && /^[ -~]+$/.test(password);
}
