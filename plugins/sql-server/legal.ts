import type { LegalPassword } from "../../contracts/strength.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const LONGEST = 128;

/** Printable ASCII; 128 characters are the server's own limit. */
export const LEGAL: LegalPassword = { alphabet: PRINTABLE, minLength: 1, maxLength: LONGEST };

export function isLegal(password: string): boolean {
  return password.length <= LONGEST && /^[ -~]+$/.test(password);
}
