/** Values in the lines of real shells. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { typeableValue } from "./nasty.ts";
import { CannotCarry, renderText } from "./render.ts";
import type { Text } from "./script.ts";

const USER = { tag: "USERNAME" } as const;
const PRINT = "printf '%s\\0' ";
const CASES = 200;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "keyturn-quote-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What a shell makes of lines. */
function run(shell: string, lines: readonly string[]): string[] {
  const [program = "", ...options] = shell.split(" ");
  const input = `${lines.join("\n")}\n`;
  const output = execFileSync(program, options, {
    cwd: folder,
    input,
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" },
  });
  return output.split("\0").slice(0, -1);
}

/** The line, or undefined when the value is refused. */
function lineFor(text: Text, value: string): string | undefined {
  try {
    return renderText(text, { USERNAME: value }, "typed");
  } catch (error) {
    if (error instanceof CannotCarry) {
      return undefined;
    }
    throw error;
  }
}

/** The places, what stands before and after the value there, and whether any value that is no option can stand. */
const PLACES: readonly [name: string, text: Text, before: string, after: string, always: boolean][] = [
  ["bare", [PRINT, USER], "", "", true],
  ["within a bare word", [`${PRINT}x/`, USER, ".y"], "x/", ".y", true],
  ["in single quotes", [`${PRINT}'`, USER, "'"], "", "", true],
  ["in double quotes", [`${PRINT}"`, USER, '"'], "", "", true],
  ["in a path in double quotes", [`${PRINT}"/home/`, USER, '/x"'], "/home/", "/x", true],
  ["in a command", [`${PRINT}$(printf %s `, USER, ")"], "", "", false],
  ["in a command in double quotes", [`${PRINT}"$(printf %s '`, USER, `')"`], "", "", false],
  ["in backticks", [`${PRINT}"\`printf %s `, USER, '`"'], "", "", false],
  ["in quotes in backticks", [`${PRINT}"\`printf %s '`, USER, "'`\""], "", "", false],
  ["after a backslash", [`${PRINT}CORP\\`, USER], "CORP", "", false],
  ["after a backslash in quotes", [`${PRINT}"CORP\\`, USER, '"'], "CORP\\", "", false],
  ["in a default", [`${PRINT}"\${nothing:-`, USER, '}"'], "", "", false],
  ["after nothing", [`${PRINT}''`, USER], "", "", true],
  ["for another shell", [`cat </dev/null; sh -c 'printf "%s\\0" `, USER, "'"], "", "", false],
];

describe.each(["sh", "bash", "bash -O histverify"])("%s", (shell) => {
  const setUp = shell === "bash -O histverify" ? ["set -o history; set -H"] : [];

  it.each(PLACES)("sees the value as one word, and does nothing else: %s", (_, text, before, after, always) => {
    const values = fc.sample(typeableValue, { numRuns: CASES, seed: 7 }).concat("-", "a", "");
    const taken = values.flatMap((value) => {
      const line = lineFor(text, value);
      expect(!always || value.startsWith("-") || line !== undefined).toBe(true);
      return line === undefined ? [] : [{ value, line }];
    });
    // Words are split where a command's output is put in without quotes.
    const isSplit = text[0] === `${PRINT}$(printf %s `;
    const whole = isSplit ? taken.filter(({ value }) => !/[ *?[\\]/.test(value)) : taken;
    expect(whole.length).toBeGreaterThan(always ? CASES * 0.8 : 10);
    const seen = run(shell, [...setUp, ...whole.map(({ line }) => line)]);
    expect(seen).toEqual(whole.map(({ value }) => before + value + after));
    expect(readdirSync(folder)).toEqual([]);
  });
});
