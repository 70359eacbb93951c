/** Bodies for the tests that hold for every one: lines that are nearly right, and what breaks them. */
import fc from "fast-check";
import type { Dialect } from "./dialect.ts";

const PIECES = [
  '"',
  '\\"',
  "\\\\",
  "\\",
  " ",
  "\t",
  "(",
  ")",
  "{",
  "}",
  "[",
  "]",
  "/",
  "*",
  ".*",
  "[Pp]",
  "\\r",
  "\\n",
  "\r",
  "\n",
  "\r\n",
  "\n\n",
  ";",
  "'",
  "`",
  "$$",
  "$a$",
  "--",
  "--\n",
  "/*",
  "*/",
  "#",
  "# ",
  "[nl]",
  "[#username#]",
  "[#NEW_PASSWORD#]",
  "[#FOO#]",
  "[#",
  "#]",
  "-re",
  "-- ",
  "\\$?",
  "DO $$",
  "BEGIN",
  "GO\n",
  "/\n",
  "\uFEFF",
  "\uFFFF",
  "end",
  "abc",
];

/** Text with much that means something in the language. */
export function anyBody(dialect: Dialect): fc.Arbitrary<string> {
  const names = Object.entries(dialect.commands).flatMap(([name, rule]) => [name, ...(rule.aliases ?? [])]);
  const starts = names.flatMap((name) => [`\n${name} "`, `\n${name} `]);
  const piece = fc.oneof(
    { arbitrary: fc.constantFrom(...PIECES), weight: 6 },
    { arbitrary: fc.constantFrom(...starts, "\nSELECT '", "\nSELECT "), weight: 3 },
    { arbitrary: fc.string({ maxLength: 5 }), weight: 1 },
  );
  return fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
}
