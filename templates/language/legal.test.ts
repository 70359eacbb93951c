import { describe, expect, it } from "vitest";
import type { Dialect } from "./dialect.ts";
import { legalFor } from "./legal.ts";
import { readTemplate } from "./read.ts";
import { EXPECT, LINES, statements } from "./sample-dialects.ts";

const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
const legal = (body: string, dialect: Dialect = LINES) => legalFor(readTemplate(body, dialect).script, dialect);
const missing = (body: string, dialect: Dialect = LINES) => {
  const { alphabet } = legal(body, dialect);
  return [...PRINTABLE].filter((char) => !alphabet.includes(char)).join("");
};
const NOT_IN_A_WORD = " !\"#$%&'()*/;<>?[\\]^`{|}~";

describe("a new password may hold", () => {
  it.each<[string, string, Dialect, string]>([
    ["everything where it answers a prompt", 'exec "[#NEW_PASSWORD#]"', LINES, ""],
    ["everything there, with Tcl's line end", String.raw`send "[#NEW_PASSWORD#]\r"`, EXPECT, ""],
    ["everything where it is not sent", 'exec "passwd [#CURRENT_PASSWORD#]"', LINES, ""],
    ["plain characters in a command line", 'exec "x [#NEW_PASSWORD#]"', LINES, NOT_IN_A_WORD],
    ["plain characters in quotes", `exec "echo '[#password#]' | x"`, LINES, NOT_IN_A_WORD],
    ["what every line can carry", 'exec "[#NEW_PASSWORD#]"\nexec "x [#NEW_PASSWORD#]"', LINES, NOT_IN_A_WORD],
    ["everything in a literal", "ALTER USER x PASSWORD '[#NEW_PASSWORD#]'", statements("postgresql"), ""],
    ["no quote of Oracle's", 'ALTER USER x IDENTIFIED BY "[#NEW_PASSWORD#]"', statements("oracle"), '"'],
    ["no dollar in dollar quotes", "SELECT $$[#NEW_PASSWORD#]$$", statements("postgresql"), "$'"],
    ["everything in a filter's value", 'find "dc=x" "(a=[#NEW_PASSWORD#])"', LINES, ""],
  ])("%s", (_, body, dialect, without) => {
    expect(missing(body, dialect)).toBe(without);
  });

  it("a letter or a digit at the beginning of an argument, and nothing else", () => {
    const { alphabet, firstCharacter } = legal('exec "x [#NEW_PASSWORD#]"');
    expect(alphabet).toContain("-");
    expect(firstCharacter).toBe(alphabet.replace(/[^a-zA-Z0-9]/g, ""));
  });
});
