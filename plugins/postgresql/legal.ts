import type { LegalPassword } from "../../contracts/strength.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const LONGEST = 128;

/**
 * What is made and sent for PostgreSQL: printable ASCII, which every client reads alike (some leave out SASLprep), and
 * at most 128 characters, which clients with fixed buffers still take. The server itself would take more.
 */
export const LEGAL: LegalPassword = { alphabet: PRINTABLE, minLength: 1, maxLength: LONGEST };

export function isLegal(password: string): boolean {
  return password.length >= 1 && password.length <= LONGEST && /^[ -~]*$/.test(password);
}
