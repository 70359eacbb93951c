import type { LegalPassword } from "../../contracts/strength.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const LONGEST = 512;

/**
 * What is made and sent for Redis: printable ASCII. The server itself takes any bytes, and AUTH costs more the longer
 * the password is.
 */
export const LEGAL: LegalPassword = { alphabet: PRINTABLE, minLength: 1, maxLength: LONGEST };

export function isLegal(password: string): boolean {
  return password.length <= LONGEST && /^[ -~]+$/.test(password);
}
