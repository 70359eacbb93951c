import fc from "fast-check";
import { expect, it } from "vitest";
import { PlainStream } from "./plain-stream.ts";

function shown(text: string | Buffer, cuts: readonly number[] = []): string {
  const stream = new PlainStream();
  const bytes = Buffer.from(text as string);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return places
    .slice(1)
    .map((to, index) => stream.push(bytes.subarray(places[index], to)))
    .join("");
}

const SAMPLES: readonly (readonly [string, string])[] = [
  ["\x1b[01;32muser@host\x1b[00m:\x1b[01;34m~\x1b[00m$ ", "user@host:~$ "],
  ["\x1b]0;title: password\x07prompt> ", "prompt> "],
  ["\x1b]2;title\x1b\\prompt> ", "prompt> "],
  ["\x1b(B\x1b[m\x1b[?2004hready", "ready"],
  ["\x1bP1$r0m\x1b\\a\x1b_x\x1b\\b", "ab"],
  ["\x9b31mred\x9b0m", "red"],
  ["one\r\ntwo\n\rthree\rfour\tfive", "one\ntwo\nthreefour\tfive"],
  ["bell\x07 back\x08space nul\0 del\x7f", "bell backspace nul del"],
  ["Grüße, 用户 🙂", "Grüße, 用户 🙂"],
  ["\x1b\x1b[31mtwice", "twice"],
];

it.each(SAMPLES)("%j shows %j", (text, seen) => {
  expect(shown(text)).toBe(seen);
});

it("shows the same wherever the text is cut", () => {
  fc.assert(
    fc.property(fc.constantFrom(...SAMPLES), fc.array(fc.nat(200), { maxLength: 30 }), ([text, seen], cuts) => {
      expect(shown(text, cuts)).toBe(seen);
    }),
    { numRuns: 1000 },
  );
});

it("keeps what follows a sequence that never ends", () => {
  expect(shown(`\x1b]${"x".repeat(5000)}password: `)).toMatch(/^x*password: $/);
});

it("takes whatever bytes there are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      // oxlint-disable-next-line no-control-regex -- control characters are what must be gone
      expect(shown(Buffer.from(bytes))).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
    { numRuns: 500 },
  );
});
