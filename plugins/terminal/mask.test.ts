import fc from "fast-check";
import { expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { Secrets } from "./mask.ts";
import { Transcript } from "./transcript.ts";

const SECRET = "Kt7-wobble_Fen.42";
const secrets = () => new Secrets([new Secret(SECRET)]);
const pieces = (between: string, size: number) => (SECRET.match(new RegExp(`.{1,${size}}`, "g")) ?? []).join(between);

it.each([
  ["as it is", SECRET],
  ["in capital letters", SECRET.toUpperCase()],
  ["wrapped", pieces("\n", 3)],
  ["padded", pieces(" \t", 2)],
  ["quoted", pieces("'\\''", 1)],
  ["a half of it", SECRET.slice(4, 12)],
])("a secret is masked whole: %s", (_, form) => {
  expect(secrets().mask(`before:${form}.after`)).toBe("before:[secret].after");
});

it("nothing else is, nor what is too short to be told from other text", () => {
  expect(secrets().mask("wobbl fen, kt7")).toBe("wobbl fen, kt7");
  expect(new Secrets([new Secret("on")]).mask("on and on")).toBe("on and on");
});

it("a code that was made on the way is masked from then on", () => {
  const known = secrets();
  known.add(new Secret("123456"));
  expect(known.mask("code 123 456 given")).toBe("code [secret] given");
});

it("no five characters in a row are left, however a device breaks it", () => {
  const gaps = fc.array(fc.constantFrom("", "", "\n", " ", "'", "\t\n "), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(gaps, fc.string({ maxLength: 20 }), (between, around) => {
      const broken = [...SECRET].map((char, index) => char + (between[index] ?? "")).join("");
      const masked = secrets()
        .mask(around + broken + around)
        .replaceAll(/[\s'"\\]/g, "");
      for (let at = 0; at + 5 <= SECRET.length; at += 1) expect(masked).not.toContain(SECRET.slice(at, at + 5));
    }),
    { numRuns: 500 },
  );
});

function transcribed(play: (transcript: Transcript) => void): string[] {
  const lines: string[] = [];
  const call = {
    connectTimeoutMs: 1,
    readTimeoutMs: 1,
    signal: new AbortController().signal,
    transcript: (line: string) => void lines.push(line),
  };
  const transcript = new Transcript(call, secrets());
  play(transcript);
  transcript.flush();
  return lines;
}

it("a transcript tells what was said and done, in order", () => {
  const lines = transcribed((transcript) => {
    transcript.hear("Welcome.\n\nhost$ ");
    transcript.note("exec passwd");
    transcript.hear("Current password: ");
  });
  expect(lines).toEqual(["< Welcome.", "< host$", "> exec passwd", "< Current password:"]);
});

it("a secret whose echo was interrupted by our next line is masked whole", () => {
  const lines = transcribed((transcript) => {
    transcript.hear(SECRET.slice(0, 5));
    transcript.note("exec");
    transcript.hear(`${SECRET.slice(5)}\nNext: `);
  });
  expect(lines).toEqual(["< [secret]", "> exec", "< Next:"]);
});

it("a flood is cut to its ends, and never inside a secret", () => {
  for (let offset = 0; offset < 40; offset += 1) {
    const lines = transcribed((transcript) => {
      transcript.hear("x".repeat(480 + offset) + SECRET);
      for (let at = 0; at < 40; at += 1) transcript.hear("y".repeat(1000 + offset) + SECRET);
    });
    const text = lines.join("").replaceAll(/\s/g, "");
    expect(text.length).toBeLessThan(2500);
    for (let at = 0; at + 5 <= SECRET.length; at += 1) expect(text).not.toContain(SECRET.slice(at, at + 5));
  }
});
