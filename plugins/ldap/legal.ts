import type { LegalPassword } from "../../contracts/strength.ts";
import type { LdapSettings } from "./settings.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const LONGEST = 127;
/** The default domain policy of Active Directory wants 7. */
const SHORTEST_OF_DOMAIN = 8;

/** Printable ASCII: other characters need a normalisation (RFC 4513, SASLprep) that not every client does. */
export function legalPassword({ directory }: Pick<LdapSettings, "directory">): LegalPassword {
  const minLength = directory === "active-directory" ? SHORTEST_OF_DOMAIN : 1;
  return { alphabet: PRINTABLE, minLength, maxLength: LONGEST };
}

/** Whether a password can be sent. The shortest one is for the directory to say. */
export function isLegal(password: string): boolean {
  return password.length <= LONGEST && /^[ -~]+$/.test(password);
}
