import type { LegalPassword } from "../../contracts/strength.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");

/**
 * What can be typed at a prompt: printable ASCII, up to the 127 characters of getpass(3). A template narrows it by
 * where it puts the password.
 */
export const TYPEABLE: LegalPassword = { alphabet: PRINTABLE, minLength: 1, maxLength: 127 };
