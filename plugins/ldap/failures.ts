import type { ResultCodeError } from "ldapts";
import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";

/** Result codes: RFC 4511, appendix A.2. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  3: "target.timeout",
  8: "auth.not-permitted",
  13: "auth.not-permitted",
  16: "auth.rejected",
  19: "change.refused",
  20: "change.refused",
  21: "change.refused",
  32: "account.unknown",
  34: "account.unknown",
  48: "auth.not-permitted",
  49: "auth.rejected",
  50: "auth.not-permitted",
  51: "target.busy",
  52: "target.busy",
  53: "target.unexpected",
  68: "account.exists",
};

/** Codes that a server may also give when it has failed half-way, and then nobody knows. */
const DOUBTFUL = new Set([1, 52, 80]);

type RightCode = "verify.accepted" | "verify.must-change" | "verify.account-expired";

/**
 * What Active Directory says in the text of an error 49, as a Windows error number:
 * https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--1300-1699-
 */
const SUBCODES: Readonly<Record<string, { code: ErrorCode; right?: RightCode }>> = {
  // Not at this hour; not from this workstation: told of the right password only, as all but the last here.
  "530": { code: "auth.not-permitted", right: "verify.accepted" },
  "531": { code: "auth.not-permitted", right: "verify.accepted" },
  "532": { code: "auth.must-change", right: "verify.must-change" },
  "533": { code: "auth.locked", right: "verify.account-expired" },
  "701": { code: "auth.expired", right: "verify.account-expired" },
  "773": { code: "auth.must-change", right: "verify.must-change" },
  // Told of a wrong password as well.
  "775": { code: "auth.locked" },
};

/** A log-in that was refused although the directory found the password right. */
export class PasswordRight extends PluginFailure {
  readonly right: RightCode;

  constructor(code: ErrorCode, detail: string, right: RightCode) {
    super(code, detail);
    this.right = right;
  }
}

/** What a refused log-in means. */
export function loginFailure(error: ResultCodeError): PluginFailure {
  const subcode = error.code === 49 ? /\bdata ([0-9a-f]+)\b/i.exec(error.message)?.[1]?.toLowerCase() : undefined;
  const known = SUBCODES[subcode ?? ""];
  if (known?.right) return new PasswordRight(known.code, error.message, known.right);
  return new PluginFailure(known?.code ?? codeOf(error), error.message);
}

/** What an answer means that is not success. A modification is made whole or not at all (RFC 4511, 4.6). */
export function answerFailure(error: ResultCodeError): PluginFailure {
  return new PluginFailure(codeOf(error), error.message, { refused: !DOUBTFUL.has(error.code) });
}

function codeOf({ code, message }: ResultCodeError): ErrorCode {
  // OpenLDAP, to an account whose password was reset, of all but its change.
  if (code === 50 && /restricted to bind/i.test(message)) return "auth.must-change";
  if (code === 19 || code === 53) {
    // OpenLDAP, before `pwdMinAge` is over: no other password would be taken either.
    if (/too young to change/i.test(message)) return "auth.not-permitted";
    // Windows error numbers: ERROR_INVALID_PASSWORD, ERROR_PASSWORD_RESTRICTION.
    if (/\b00000056\b/.test(message)) return "auth.rejected";
    if (/\b0000052D\b/i.test(message)) return "change.refused";
    // OpenLDAP, of a wrong old password in the password modify operation.
    if (/unwilling to verify old password/i.test(message)) return "auth.rejected";
  }
  return CODES[code] ?? "target.unexpected";
}
