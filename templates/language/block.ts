/** How a block of Expect stands in a script, whose commands are in one row: marks that no template can write itself. */
export const BLOCK = {
  /** Begins a block; its arms follow, and `end`. */
  begin: "{",
  /** Begins an arm: a pattern follows, or the argument is `timeout`, `eof` or `default`; then its commands. */
  arm: "->",
  end: "}",
  /** Waits for the block again: `exp_continue`. */
  again: "<-",
  /** Gives up: `exit` with another number than 0. */
  fail: "!",
} as const;
export type BlockMark = (typeof BLOCK)[keyof typeof BLOCK];

const MARKS: ReadonlySet<string> = new Set(Object.values(BLOCK));

/** Whether a command is a mark of a block. */
export function isBlockMark(name: string): name is BlockMark {
  return MARKS.has(name);
}
