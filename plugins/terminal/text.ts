/** Reading what a device prints: control sequences taken out, prompts and known sentences recognised. */

// oxlint-disable-next-line no-control-regex -- terminal control sequences are what is looked for
const CONTROL = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** The text without colours, cursor movements and other control characters (line feeds and tabs stay). */
export function plain(text: string): string {
  return text.replace(CONTROL, "");
}

/** What stands after the last line feed: a prompt waits there. */
export function openLine(text: string): string {
  return text.slice(text.lastIndexOf("\n") + 1);
}

/** Whether a text is a request for the account's password and nothing else. */
export function isPasswordPrompt(prompt: string): boolean {
  const line = openLine(plain(prompt).trimEnd());
  return /^\s*(?:\([^()\s]+\) ?|\S+'s )?password(?: for [\w.@\\-]+)?\s*:$/i.test(line);
}

/** Whether an unfinished line looks like a question. */
export function looksLikeQuestion(line: string): boolean {
  return /\S.*[:?>\])]\s*$/.test(line);
}

/** What ends the line on which a device waits for us. */
const WAITING = new Set("$#>%:?])}");
const COMMAND_PROMPT = new Set("$#>%");

/** Whether a device that left a line like this open waits for us. */
export function isPrompt(line: string): boolean {
  return WAITING.has(line.trimEnd().slice(-1));
}

/** Whether it waits for a command, not for an answer. */
export function isCommandPrompt(line: string): boolean {
  return COMMAND_PROMPT.has(line.trimEnd().slice(-1));
}

export type PasswdPrompt = "current" | "new" | "retype";

/** Which prompt of `passwd` stands at the end of a text, if any. */
export function passwdPrompt(text: string): PasswdPrompt | undefined {
  const line = openLine(text).trim();
  if (!/passw(?:or)?d\b[^:]*:$/i.test(line)) return undefined;
  if (/\b(?:retype|re-?enter|repeat|confirm|verify|again)\b/i.test(line)) return "retype";
  if (/\bnew\b/i.test(line)) return "new";
  return /\b(?:current|old)\b/i.test(line) ? "current" : undefined;
}

/** pam_unix says this only after the password was found right. */
export const EXPIRED = /your account has expired; please contact your system administrator/i;
/** pam_unix says this only after the password was found right. */
export const MUST_CHANGE = /you are required to change your password immediately/i;
export const LOCKED = /\baccount (?:is |has been |temporarily )*locked\b/i;
/** Sentences of pam_unix, pam_pwquality, pam_pwhistory and pam_cracklib about a password they do not take. */
export const REFUSED =
  /bad password|already (?:been )?used|choose (?:another|a longer)|too (?:simple|short|similar)|is too easy|password unchanged since/i;
export const LOCK_BUSY = /lock busy|cannot lock|try again later/i;

/** The end of a device's text, on one line, short enough for an attempt's record. */
export function excerpt(text: string): string {
  return plain(text).replace(/\s+/g, " ").trim().slice(-300);
}
