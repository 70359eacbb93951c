/** Runs a template's commands in a dialogue. */
import type { ErrorCode } from "../../contracts/errors.ts";
import { BLOCK } from "../../templates/language/block.ts";
import { carriesNewPassword } from "../../templates/language/render.ts";
import { type BoundScript, type Command, SENDS, type TagValues } from "../../templates/language/script.ts";
import { PluginFailure } from "../plugin.ts";
import { type Arm, type Block, isBlock, type Step, stepsOf } from "./blocks.ts";
import { type Dialogue, Unwanted } from "./dialogue.ts";
import type { Match, Pattern } from "./patterns.ts";
import { NEW_LINES, type NewLineMode } from "./terminal.ts";
import { type Run, Typing } from "./typing.ts";
import { atLogIn, carriesPassword, checkValues, numberOf, patternOf, telling } from "./values.ts";

/** What `expect` waits when the template does not say: that of the language. Milliseconds. */
const READ_MS = 5000;

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
  readonly #typing: Typing;
  #readMs = READ_MS;
  /** How many blocks stand around what is done now. */
  #depth = 0;
  /** Why the arm of a block is carried out that is for silence, or for the end. */
  #failure: PluginFailure | undefined;

  constructor(run: Run) {
    this.#run = run;
    this.#dialogue = run.dialogue;
    this.#values = telling(run.script.values, (secret) => run.dialogue.hide(secret));
    this.#typing = new Typing(run, this.#values);
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
      const failure = error instanceof Unwanted ? (this.#typing.meant() ?? error) : error;
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
        return this.#typing.send(command, this.#readMs);
      case "expect":
      case "expect-regex":
      case "read":
        return this.#expect(
          this.#typing.sent ? patternOf(command, this.#values) : atLogIn(command, this.#values),
          true,
        );
      case BLOCK.fail:
        throw this.#failure ?? this.#typing.meant() ?? new PluginFailure("target.unexpected", this.#dialogue.excerpt());
      case "no-expect":
        return this.#typing.forbid(command);
    }
  }

  async #expect(pattern: Pattern, again: boolean): Promise<void> {
    this.#typing.begun = true;
    await this.#dialogue.expect(pattern, this.#readMs, () => this.#typing.meant(), again);
    const refused = this.#typing.refused();
    if (refused !== undefined) throw refused;
  }

  /** A device that still works on the last line would be interrupted by the end of the session. */
  async #finish(): Promise<void> {
    const dialogue = this.#dialogue;
    if (this.#typing.begun && !dialogue.met) await dialogue.settle(this.#readMs);
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
