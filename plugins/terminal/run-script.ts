/** Runs a template's commands in a dialogue. */
import { Secret } from "../../contracts/secret.ts";
import { PluginFailure } from "../plugin.ts";
import { carriesNewPassword } from "../../templates/language/render.ts";
import { type BoundScript, type Command, SENDS, type TagValues } from "../../templates/language/script.ts";
import type { ErrorCode } from "../../contracts/errors.ts";
import { BLOCK } from "../../templates/language/block.ts";
import { type Arm, type Block, isBlock, type Step, stepsOf } from "./blocks.ts";
import { type Dialogue, Unwanted } from "./dialogue.ts";
import type { Match, Pattern } from "./patterns.ts";
import { alreadyThere, asksForSecret, objection, refusal, takesCommands } from "./sentences.ts";
import { NEW_LINES, type NewLineMode } from "./terminal.ts";
import {
  atLogIn,
  carriesPassword,
  carriesTag,
  checkValues,
  isPasswordAlone,
  numberOf,
  patternOf,
  shownText,
  telling,
  typed,
  unwantedOf,
} from "./values.ts";

/** What `expect` waits when the template does not say: that of the language. Milliseconds. */
const READ_MS = 5000;
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

/**
 * Runs a script to its end.
 * @throws PluginFailure whose text names the line; `refused` when the device surely kept its password, or when nothing
 *   was sent after the point of no return was passed. What `pointOfNoReturn` rejects with is passed on.
 */
export async function runScript(run: Run): Promise<void> {
  checkValues(run.script);
  await new Runner(run).run(() => false);
}

/**
 * Runs a script up to its first command that carries a password, which is not sent.
 * @returns its line; undefined when none carries one
 * @throws PluginFailure whose text names the line
 */
export async function rehearseScript(dialogue: Dialogue, script: BoundScript): Promise<number | undefined> {
  const never = () =>
    Promise.reject(new PluginFailure("target.unexpected", "a rehearsal passes no point of no return"));
  return new Runner({ dialogue, script, pointOfNoReturn: never, crossing: "new-password" }).run(carriesPassword);
}

type StopsBefore = (command: Command) => boolean;

/** Where a step leads: on, to the script's end, to its block again, or no further than a line. */
type Way = "on" | "end" | "again" | number;

/** A block that is waited for so often has gone wrong. */
const MOST_TURNS = 30;

/** What a block calls what came of a wait. */
const SILENCE: Readonly<Partial<Record<ErrorCode, "timeout" | "eof">>> = {
  "target.timeout": "timeout",
  "target.unexpected": "timeout",
  "target.needs-human": "timeout",
  "target.connection-lost": "eof",
};

/** Whether a step sends a password that the device has to know: asked for it once more, it did not take it. */
function tellsStored(step: Step): boolean {
  if (isBlock(step)) return step.arms.some(({ steps }) => steps.some(tellsStored));
  return SENDS.has(step.name) && carriesPassword(step) && !carriesNewPassword(step);
}

class Runner {
  readonly #run: Run;
  readonly #dialogue: Dialogue;
  readonly #values: TagValues;
  #readMs = READ_MS;
  #crossed = false;
  /** Whether anything was sent or expected. */
  #begun = false;
  #sent = false;
  /** Whether the answer to the last line is not all there, and what must not come may stand in it. */
  #unjudged = false;
  /** How many blocks stand around what is done now. */
  #depth = 0;
  /** Why the arm of a block is carried out that is for silence, or for the end. */
  #failure: PluginFailure | undefined;

  constructor(run: Run) {
    this.#run = run;
    this.#dialogue = run.dialogue;
    this.#values = telling(run.script.values, (secret) => run.dialogue.hide(secret));
  }

  async run(stopsBefore: StopsBefore): Promise<number | undefined> {
    try {
      const way = await this.#walk(stepsOf(this.#run.script.script.commands), stopsBefore);
      if (typeof way === "number") return way;
      await this.#finish();
      return undefined;
    } finally {
      this.#dialogue.end();
    }
  }

  /** Takes steps in their order, until one leads elsewhere. */
  async #walk(steps: readonly Step[], stopsBefore: StopsBefore): Promise<Way> {
    for (const step of steps) {
      if (isBlock(step)) {
        const way = await this.#block(step, stopsBefore);
        if (way !== "on") return way;
        continue;
      }
      if (step.name === "end") return "end";
      if (step.name === BLOCK.again) return "again";
      if (SENDS.has(step.name) && stopsBefore(step)) return step.line;
      await this.#named(step, () => this.#command(step));
    }
    return "on";
  }

  /** Waits for what comes first of several things, and does what belongs to it, as often as it is told to. */
  async #block(block: Block, stopsBefore: StopsBefore): Promise<Way> {
    const told = new Set<Arm>();
    this.#depth += 1;
    for (let turn = 1; turn <= MOST_TURNS; turn += 1) {
      const arm = await this.#named(block, () => this.#first(block));
      if (told.has(arm))
        throw new PluginFailure("auth.rejected", `line ${arm.line}: asked again: ${this.#dialogue.excerpt()}`);
      if (arm.steps.some(tellsStored)) told.add(arm);
      this.#dialogue.keepsUnread = true;
      const way = await this.#walk(arm.steps, stopsBefore);
      if (way === "again") continue;
      this.#depth -= 1;
      this.#dialogue.keepsUnread = this.#depth > 0;
      return way;
    }
    throw new PluginFailure(
      "target.unexpected",
      `line ${block.line}: it goes round and round: ${this.#dialogue.excerpt()}`,
    );
  }

  /** The arm whose text came first; that of silence or of the end where there is one. */
  async #first({ arms }: Block): Promise<Arm> {
    const waited = arms.flatMap((arm) => {
      return typeof arm.on === "string" ? [] : [{ arm, pattern: patternOf(arm.on, this.#values) }];
    });
    let met: Arm | undefined;
    const any: Pattern = (text) => {
      let first: Match | undefined;
      for (const { arm, pattern } of waited) {
        const match = pattern(text);
        if (!match || (first && match.reach >= first.reach)) continue;
        first = match;
        met = arm;
      }
      return first;
    };
    this.#failure = undefined;
    try {
      await this.#expect(any, false);
    } catch (error) {
      const word = error instanceof PluginFailure ? SILENCE[error.code] : undefined;
      met = word === undefined ? undefined : arms.find(({ on }) => on === word || on === "default");
      if (!met) throw error;
      this.#failure = error instanceof PluginFailure ? error : undefined;
    }
    if (!met) throw new PluginFailure("target.unexpected", this.#dialogue.excerpt());
    return met;
  }

  async #named<T>({ line }: { line: number }, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PluginFailure)) throw error;
      const failure = error instanceof Unwanted ? (this.#meant() ?? error) : error;
      throw at(failure, error instanceof Unwanted ? "" : `line ${line}: `);
    }
  }

  async #command(command: Command): Promise<void> {
    switch (command.name) {
      case "set-read-timeout":
        this.#readMs = numberOf(command) * 1000;
        return;
      case "set-new-line-mode":
        this.#dialogue.newLine = newLineOf(command);
        return;
      case "sleep":
        return this.#dialogue.pause(numberOf(command) * 1000);
      case "exec":
      case "write":
      case "send":
        return this.#send(command);
      case "expect":
      case "expect-regex":
      case "read":
        return this.#expect(this.#sent ? patternOf(command, this.#values) : atLogIn(command, this.#values), true);
      case BLOCK.fail:
        throw this.#failure ?? this.#meant() ?? new PluginFailure("target.unexpected", this.#dialogue.excerpt());
      case "no-expect":
        this.#unjudged = this.#sent && !this.#dialogue.met;
        return this.#dialogue.forbid(unwantedOf(command, this.#values), `line ${command.line}`);
    }
  }

  async #expect(pattern: Pattern, again: boolean): Promise<void> {
    this.#begun = true;
    await this.#dialogue.expect(pattern, this.#readMs, () => this.#meant(), again);
    const { answer } = this.#dialogue;
    const refused = (this.#crossed ? refusal : alreadyThere)(answer, this.#dialogue.excerpt());
    if (refused !== undefined) throw refused;
  }

  /** What the device said by its answer, where that is known. */
  #meant(): PluginFailure | undefined {
    const { answer } = this.#dialogue;
    return (this.#crossed ? refusal : objection)(answer, this.#dialogue.excerpt());
  }

  async #send(command: Command): Promise<void> {
    const dialogue = this.#dialogue;
    if (!this.#begun) await dialogue.settle(Math.min(this.#readMs, FIRST_PROMPT_MS));
    else if (this.#unjudged) await dialogue.settle(this.#readMs);
    this.#begun = true;
    this.#unjudged = false;
    this.#mindQuestions(command);
    this.#sent = true;
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
    const asked = asksForSecret(line) || (!this.#sent && dialogue.met && /[:?]\s*$/.test(line));
    if (asked && !carriesPassword(command)) throw new PluginFailure("target.needs-human", dialogue.excerpt());
    if (isPasswordAlone(command) && takesCommands(dialogue.line))
      throw (
        this.#meant() ??
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

  /** A device that still works on the last line would be interrupted by the end of the session. */
  async #finish(): Promise<void> {
    const dialogue = this.#dialogue;
    if (this.#begun && !dialogue.met) await dialogue.settle(this.#readMs);
    else if (dialogue.forbids) await dialogue.pause(0);
  }
}

function newLineOf({ args }: Command): NewLineMode {
  const [mode] = args[0] ?? [];
  const modes = Object.keys(NEW_LINES) as NewLineMode[];
  return modes.find((each) => typeof mode === "string" && each === mode.trim().toLowerCase()) ?? "unix";
}

/** The failure with its line named. */
function at(failure: PluginFailure, where: string): PluginFailure {
  const { code, refused, cause, message } = failure;
  return new PluginFailure(code, message.startsWith(where) ? message : where + message, {
    refused,
    ...(cause === undefined ? {} : { cause }),
  });
}
