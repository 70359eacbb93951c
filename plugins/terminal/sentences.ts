/** What devices say when something is wrong, whatever the template waits for. */
import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import { isCommandPrompt, LOCK_BUSY, openLine, passwdPrompt, REFUSED } from "./text.ts";

/** `passwd` says this last, when it has changed nothing. */
const UNCHANGED = /password unchanged|password not changed/i;

/** Said of an account that was to be made. */
const EXISTS = /\b(?:user|account|login)(?: name)?\b[^\n]{0,260}? already exists\b/i;

/** Before a new password was sent: why it never will be. */
const BEFORE: readonly (readonly [ErrorCode, RegExp])[] = [
  ["account.unknown", /\buser '?[^'\n]{1,256}'? does not exist|\b(?:unknown|no such) user\b|unknown user name/i],
  ["account.exists", EXISTS],
  [
    "auth.not-permitted",
    /not in the sudoers file|may not run sudo|is not allowed to (?:execute|run) |only root can|you may not (?:view or modify|change the) password|must be (?:the )?superuser|% ?(?:authorization failed|access denied)|command authorization failed|wait longer to change/i,
  ],
  [
    "auth.rejected",
    /sorry, try again|incorrect password attempt|authentication failure|authentication token manipulation error|% ?(?:login invalid|bad secrets|bad passwords?\b|authentication failed)|^login incorrect/im,
  ],
  ["target.busy", LOCK_BUSY],
];

/**
 * What a device's answer says against sending the new password, which it therefore does not have; undefined when nothing.
 * @param answer what came since we sent last
 * @param detail the answer's end, without secrets
 */
export function objection(answer: string, detail: string): PluginFailure | undefined {
  const found = BEFORE.find(([, sentence]) => sentence.test(answer));
  return found && new PluginFailure(found[0], detail, { refused: true });
}

/**
 * What a device's answer says against giving a new password to an account that was to be made and is there already, also
 * where the template waited for less; undefined when nothing.
 * @param answer what came since we sent last
 * @param detail the answer's end, without secrets
 */
export function alreadyThere(answer: string, detail: string): PluginFailure | undefined {
  return EXISTS.test(answer) ? new PluginFailure("account.exists", detail, { refused: true }) : undefined;
}

/**
 * What a device's answer to a new password says against it; undefined when nothing. It is sure (`refused`) when
 * `passwd` says that nothing was changed, or asks for another one.
 * @param answer what came since we sent last
 * @param detail the answer's end, without secrets
 */
export function refusal(answer: string, detail: string): PluginFailure | undefined {
  const busy = LOCK_BUSY.test(answer);
  const asksAgain = REFUSED.test(answer) && passwdPrompt(openLine(answer)) === "new";
  const refused = UNCHANGED.test(answer) || asksAgain;
  return refused ? new PluginFailure(busy ? "target.busy" : "change.refused", detail, { refused }) : undefined;
}

/** Whether a device waits for a command: a password typed there would be run, shown and remembered. */
export function takesCommands(line: string): boolean {
  return (
    isCommandPrompt(line) && !line.trimEnd().endsWith(">") && !/pass|pwd|senha|secret|pin\b|new|code|key/i.test(line)
  );
}

/** Whether a device asks for a password or a code. */
export function asksForSecret(line: string): boolean {
  return /(?:passw(?:or)?d|passphrase|passcode|\bpin\b|\botp\b|token|verification code|one-time)[^:?]*[:?]\s*$/i.test(
    line,
  );
}
