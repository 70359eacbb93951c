import { describe, expect, test } from "vitest";
import { KnownPrompts } from "./known-prompts.ts";

describe("a line at which a device waited", () => {
  test("is known again, to the last blank", () => {
    const prompts = new KnownPrompts();
    prompts.learn("root@host:~# ");
    expect(prompts.has("root@host:~# ")).toBe(true);
    for (const line of ["root@host:~#", "root@host:~# passwd", " root@host:~# ", "root@host:/# "])
      expect(prompts.has(line)).toBe(false);
  });

  test.each(["# ", "$", "> ", "--% ", "", "Password: ", "Continue? [y/n]"])(
    "is no prompt of a command line: %j",
    (line) => {
      const prompts = new KnownPrompts();
      prompts.learn(line);
      expect(prompts.has(line)).toBe(false);
    },
  );

  test("is forgotten for newer ones, unless it came again", () => {
    const prompts = new KnownPrompts();
    const numbered = (from: number, to: number) => {
      for (let number = from; number <= to; number += 1) prompts.learn(`[${number}] host> `);
    };
    numbered(1, 10);
    prompts.learn("[1] host> ");
    numbered(11, 11);
    expect(prompts.has("[1] host> ")).toBe(true);
    expect(prompts.has("[2] host> ")).toBe(false);
    expect(prompts.has("[3] host> ")).toBe(true);
  });
});
