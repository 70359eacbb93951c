import { type Login, PluginFailure } from "../plugin.ts";
import type { Dialogue } from "../terminal/dialogue.ts";
import type { Pattern } from "../terminal/patterns.ts";
import { excerpt, EXPIRED, isPasswordPrompt, LOCKED, MUST_CHANGE, openLine, passwdPrompt } from "../terminal/text.ts";

/** What a device asks for and shows, where it is not the usual; each stands at the end of a line left open. */
export interface Prompts {
  readonly username?: string;
  readonly password?: string;
  /** That of a logged-in account. */
  readonly command?: string;
}

export interface Dialling {
  readonly dialogue: Dialogue;
  readonly login: Login;
  readonly prompts: Prompts;
  /** How long the device may say nothing. Milliseconds. */
  readonly silenceMs: number;
}

/** A log-in that was refused although the device found the password right. */
export class PasswordRight extends PluginFailure {}

const USERNAME = /(?:^|[\s([])(?:log ?in|user(?: ?name)?|account|usu[aá]rio)(?: name)?\s*:\s*$/i;
/** Prompts of command lines; `]` and `)` close the modes of some switches, and questions of others. */
const COMMAND = /[$#>%\])}]\s*$/;
const QUESTION = /y(?:es)?[/|]n(?:o)?|\[[yn]\]|continue|press|more/i;
const REJECTED =
  /log-?in incorrect|log-?in (?:invalid|failed)|incorrect (?:log-?in|password)|invalid (?:log-?in|password|user)|(?:bad|wrong) passwords?\b|access denied|(?:authentication|permission) (?:failed|failure|denied)|too many (?:failures|attempts)|% ?(?:log-?in invalid|bad)/i;
/** What looks like a prompt after the password may be the middle of a message: it must stand for so long. Milliseconds. */
const STANDS_MS = 250;

type Seen = "username" | "password" | "command" | "renewal";

/**
 * Logs in over a terminal: answers a question for the user name, and once one for the password.
 * @returns whether the device asked for the password; it stands at a prompt then, which nobody has read yet
 * @throws PluginFailure `auth.*`, or `target.*` when it asks for something else or shows no prompt that is known
 */
export async function logIn(dialling: Dialling): Promise<boolean> {
  const { dialogue, login } = dialling;
  if (!/^[\P{Cc}]*$/u.test(login.username)) throw new PluginFailure("auth.rejected", "no such user name can be typed");
  let seen = await next(dialling, false);
  if (seen === "username") {
    dialogue.sendLine(login.username, "the user name");
    seen = await next(dialling, false);
  }
  if (seen === "command") return false;
  if (seen !== "password") throw rejection(dialogue);
  if (!/^[\P{Cc}]+$/u.test(login.password.reveal())) {
    throw new PluginFailure("auth.rejected", "no such password can be typed");
  }
  dialogue.sendLine(login.password.reveal(), "the password");
  seen = await next(dialling, true);
  if (seen === "renewal") throw new PasswordRight("auth.must-change", dialogue.excerpt());
  if (seen !== "command") throw rejection(dialogue);
  return true;
}

/** Waits for the next thing that means something. */
async function next(dialling: Dialling, passwordSent: boolean): Promise<Seen> {
  const { dialogue, silenceMs } = dialling;
  const look = () => seenIn(dialogue.answer, dialling.prompts, passwordSent);
  // Nothing is consumed: the template may wait for the same prompt.
  const pattern: Pattern = (text) => (look() === undefined ? undefined : { end: 0, reach: text.length, open: false });
  for (;;) {
    try {
      await dialogue.expect(pattern, silenceMs);
    } catch (error) {
      throw passwordSent ? explain(error, dialogue) : error;
    }
    const { pieces } = dialogue;
    if (passwordSent) await dialogue.pause(STANDS_MS);
    const seen = look();
    if (seen !== undefined && (dialogue.pieces === pieces || dialogue.closed)) return seen;
  }
}

function seenIn(text: string, prompts: Prompts, passwordSent: boolean): Seen | undefined {
  const line = openLine(text);
  if (passwordSent && (MUST_CHANGE.test(text) || passwdPrompt(line) === "current" || passwdPrompt(line) === "new")) {
    return "renewal";
  }
  if (endsWith(line, prompts.password) ?? isPasswordPrompt(line)) return "password";
  if (endsWith(line, prompts.username) ?? USERNAME.test(line)) return "username";
  return (endsWith(line, prompts.command) ?? (COMMAND.test(line) && !QUESTION.test(line))) ? "command" : undefined;
}

/** Whether a line ends with a prompt; undefined when none was said. Blanks at the end do not count. */
function endsWith(line: string, prompt: string | undefined): boolean | undefined {
  return prompt === undefined ? undefined : line.trimEnd().endsWith(prompt.trim());
}

/** What it means that the device asked again, or closed. */
function rejection(dialogue: Dialogue): PluginFailure {
  const { answer } = dialogue;
  if (EXPIRED.test(answer)) return new PasswordRight("auth.expired", dialogue.excerpt());
  return new PluginFailure(LOCKED.test(answer) ? "auth.locked" : "auth.rejected", dialogue.excerpt());
}

/** A connection that was closed after the password, or a dialogue about the account itself. */
function explain(error: unknown, dialogue: Dialogue): unknown {
  if (!(error instanceof PluginFailure)) return error;
  const said = dialogue.answer;
  if (EXPIRED.test(said)) return new PasswordRight("auth.expired", excerpt(dialogue.excerpt()), { cause: error });
  if (LOCKED.test(said)) return new PluginFailure("auth.locked", dialogue.excerpt(), { cause: error });
  const closed = error.code === "target.connection-lost" && REJECTED.test(said);
  return closed ? new PluginFailure("auth.rejected", dialogue.excerpt(), { cause: error }) : error;
}
