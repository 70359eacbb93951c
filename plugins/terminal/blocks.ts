/** Blocks of Expect out of a script's row of commands. */
import { BLOCK } from "../../templates/language/block.ts";
import type { Command } from "../../templates/language/script.ts";

/** What a dialogue does next: one command, or one of several things that may be said. */
export type Step = Command | Block;

export interface Block {
  readonly line: number;
  readonly arms: readonly Arm[];
}

export interface Arm {
  readonly line: number;
  /** What is waited for; a word where it is no text: `timeout`, `eof`, `default`, which is either. */
  readonly on: Command | string;
  readonly steps: readonly Step[];
}

export function isBlock(step: Step): step is Block {
  return "arms" in step;
}

/** The steps of a script. Its marks are in their order: whoever reads templates has set them. */
export function stepsOf(commands: readonly Command[]): Step[] {
  return readSteps([...commands].toReversed());
}

/** Takes steps off the end of a stack, up to the mark that ends them. */
function readSteps(left: Command[]): Step[] {
  const steps: Step[] = [];
  for (;;) {
    const name = left.at(-1)?.name;
    if (name === undefined || name === BLOCK.arm || name === BLOCK.end) return steps;
    const command = left.pop();
    if (command) steps.push(name === BLOCK.begin ? readArms(left, command.line) : command);
  }
}

function readArms(left: Command[], line: number): Block {
  const arms: Arm[] = [];
  for (let mark = left.pop(); mark?.name === BLOCK.arm; mark = left.pop()) {
    const [word] = mark.args[0] ?? [];
    const on = typeof word === "string" ? word : left.pop();
    if (on !== undefined) arms.push({ line: mark.line, on, steps: readSteps(left) });
  }
  return { line, arms };
}
