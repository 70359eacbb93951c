/** Values for the tests of quoting: what breaks out of quotes somewhere, among ordinary text. */
import fc from "fast-check";

const TOKENS = [
  ..."'\"\\`$;&|<>(){}[]*?!#~^%=,+-_. \t@:/",
  "$(touch canary)",
  "`touch canary`",
  ";touch canary;",
  "' ; touch canary ; '",
  '" ; touch canary ; "',
  "$$",
  "''",
  '""',
  "\\'",
  "]]",
  "*/",
  "--",
  "*)(uid=*",
  ",dc=evil",
  "=cmd",
  "[nl]",
  "ü",
  "€",
  "😀",
];
const LINE_ENDS = ["\n", "\r", "\0", "\u0007", "\u001B", "\u007F"];

function values(tokens: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { arbitrary: fc.constantFrom(...tokens), weight: 3 },
    { arbitrary: fc.stringMatching(/^[A-Za-z0-9]{1,6}$/), weight: 2 },
    { arbitrary: fc.string({ maxLength: 4, unit: "grapheme" }), weight: 1 },
  );
  return fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));
}

/** Any value. */
export const anyValue = values([...TOKENS, ...LINE_ENDS]);
/** A value that can be typed. */
export const typeableValue = values(TOKENS.filter((token) => token !== "\t")).filter(
  // oxlint-disable-next-line no-control-regex -- control characters are what a terminal acts on
  (value) => !/[\x00-\x1f\x7f]/.test(value),
);
