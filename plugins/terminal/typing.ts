/** Types a template's lines: no password where none is asked for, none new before the point of no return. */
import { Secret } from "../../contracts/secret.ts";
import { carriesNewPassword } from "../../templates/language/render.ts";
import type { BoundScript, Command, TagValues } from "../../templates/language/script.ts";
import { PluginFailure } from "../plugin.ts";
import type { Dialogue } from "./dialogue.ts";
import { alreadyThere, asksForSecret, objection, refusal, takesCommands } from "./sentences.ts";
import { carriesPassword, carriesTag, isPasswordAlone, shownText, typed, unwantedOf } from "./values.ts";

/** How long a device may take to show its first prompt where the template waits for none. Milliseconds. */
const FIRST_PROMPT_MS = 2000;
/** Lines that only end a session: where it is over already, they have nothing to do. */
const FAREWELL = /^(?:exit|logout|quit|bye|end|disconnect)$/i;

export interface Run {
  readonly dialogue: Dialogue;
  readonly script: BoundScript;
  /** Awaited once, before the first command that crosses it. */
  readonly pointOfNoReturn: () => Promise<void>;
  /** Which commands change something: those that carry a new password, or every one that is sent. */
  readonly crossing: "new-password" | "sent";
}

/** What was typed so far, and what the device's answers to it mean. */
export class Typing {
  readonly #run: Run;
  readonly #dialogue: Dialogue;
  readonly #values: TagValues;
  /** Whether anything was sent or expected. */
  begun = false;
  sent = false;
  #crossed = false;
  /** Whether the answer to the last line is not all there, and what must not come may stand in it. */
  #unjudged = false;

  constructor(run: Run, values: TagValues) {
    this.#run = run;
    this.#dialogue = run.dialogue;
    this.#values = values;
  }

  /** Fails from now on, and for what was answered to the last line, when something comes that must not. */
  forbid(command: Command): void {
    this.#unjudged = this.sent && !this.#dialogue.met;
    this.#dialogue.forbid(unwantedOf(command, this.#values), `line ${command.line}`);
  }

  /** What the device said by its answer, where that is known. */
  meant(): PluginFailure | undefined {
    const { answer } = this.#dialogue;
    return (this.#crossed ? refusal : objection)(answer, this.#dialogue.excerpt());
  }

  /** What an answer says that the template waited for, and that is nevertheless a no. */
  refused(): PluginFailure | undefined {
    const { answer } = this.#dialogue;
    return (this.#crossed ? refusal : alreadyThere)(answer, this.#dialogue.excerpt());
  }

  /** Types a line. */
  async send(command: Command, readMs: number): Promise<void> {
    const dialogue = this.#dialogue;
    if (!this.begun) await dialogue.settle(Math.min(readMs, FIRST_PROMPT_MS));
    else if (this.#unjudged) await dialogue.settle(readMs);
    this.begun = true;
    this.#unjudged = false;
    this.#mindQuestions(command);
    this.sent = true;
    const crosses = this.#run.crossing === "sent" || carriesNewPassword(command);
    if (crosses && !this.#crossed) await this.#cross(command);
    const text = typed(command, this.#values);
    if (dialogue.closed && FAREWELL.test(text.trim())) return;
    const shown = this.#shown(command, text);
    if (command.name === "exec") dialogue.sendLine(text, shown);
    else dialogue.send(text, shown);
  }

  /** What the transcript says of a line: a fixed text that answers a question for a password is a secret, too. */
  #shown(command: Command, text: string): string {
    if (carriesTag(command) || text.trim() === "" || !asksForSecret(this.#dialogue.line)) return shownText(command);
    this.#dialogue.hide(new Secret(text.trim()));
    return `${command.name} [a fixed text]`;
  }

  /**
   * Sends nothing to a question that the template did not expect (a code, a changed password, a second sudo), and no
   * password to a shell: it would be run as a command, shown and remembered.
   */
  #mindQuestions(command: Command): void {
    const dialogue = this.#dialogue;
    const line = dialogue.untouchedLine;
    // At log-in a template that waited for something else meant no question at all.
    const asked = asksForSecret(line) || (!this.sent && dialogue.met && /[:?]\s*$/.test(line));
    if (asked && !carriesPassword(command)) throw new PluginFailure("target.needs-human", dialogue.excerpt());
    if (isPasswordAlone(command) && takesCommands(dialogue.line))
      throw (
        this.meant() ??
        new PluginFailure("target.unexpected", `a command is asked for, not a password: ${dialogue.excerpt()}`)
      );
  }

  async #cross(command: Command): Promise<void> {
    const dialogue = this.#dialogue;
    const against = this.#run.crossing === "sent" ? undefined : objection(dialogue.answer, dialogue.excerpt());
    if (against !== undefined) throw against;
    const { seen } = dialogue;
    await this.#run.pointOfNoReturn();
    // A prompt that gave us up meanwhile has made way for another: the password must not be typed there.
    if (dialogue.seen !== seen && isPasswordAlone(command)) {
      throw new PluginFailure("target.timeout", `it did not wait: ${dialogue.excerpt()}`, { refused: true });
    }
    this.#crossed = true;
  }
}
