import type { LegalPassword } from "../../contracts/strength.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");

/**
 * What `passwd` and `chpasswd` take: printable ASCII, up to the 127 characters of getpass(3). For its own password
 * an account is held to 8, pam_pwquality's default; root is not.
 */
export function legalPassword(own: boolean): LegalPassword {
  return { alphabet: PRINTABLE, minLength: own ? 8 : 1, maxLength: 127 };
}

/** Whether a password can be sent as one line: a line feed would begin a second line of chpasswd's input. */
export function isTypeable(password: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return password !== "" && !/[\x00-\x1f\x7f]/.test(password);
}
