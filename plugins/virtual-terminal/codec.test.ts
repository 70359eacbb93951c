import { describe, expect, it } from "vitest";
import { Codec } from "./codec.ts";

/** What is said, and what is answered. */
function dialogue(...pieces: (readonly number[])[]): { said: string; answers: number[] } {
  const answers: number[] = [];
  const codec = new Codec((bytes) => answers.push(...bytes));
  const said = pieces.map((piece) => codec.decode(Buffer.from(piece)).toString("latin1")).join("");
  return { said, answers };
}

const text = (words: string) => [...Buffer.from(words, "latin1")];

describe("what a device says", () => {
  const whole = [
    ...text("ab"),
    255,
    253,
    24,
    ...text("c"),
    255,
    255,
    255,
    250,
    24,
    1,
    255,
    240,
    ...text("d\r\0e\r\nf"),
    255,
    241,
  ];
  const expected = {
    said: "abc\xffd\re\r\nf",
    answers: [255, 251, 24, 255, 250, 24, 0, ...text("VT100"), 255, 240],
  };

  it("is told from its commands", () => {
    expect(dialogue(whole)).toEqual(expected);
  });

  it("may be cut anywhere", () => {
    expect(dialogue(...whole.map((byte) => [byte]))).toEqual(expected);
    for (let at = 0; at <= whole.length; at += 1)
      expect(dialogue(whole.slice(0, at), whole.slice(at))).toEqual(expected);
  });

  it("fills no memory with a subnegotiation that never ends", () => {
    const { said, answers } = dialogue([255, 250, 24], ...Array.from({ length: 100 }, () => Array(10_000).fill(65)), [
      255, 240, 66,
    ]);
    expect({ said, answers }).toEqual({ said: "B", answers: [] });
  });
});

describe("options", () => {
  it.each([
    ["to echo is taken", [255, 251, 1], [255, 253, 1]],
    ["to suppress go ahead is taken", [255, 251, 3], [255, 253, 3]],
    ["to encrypt is not taken", [255, 251, 38], [255, 254, 38]],
    ["our window size is given", [255, 253, 31], [255, 251, 31, 255, 250, 31, 0, 200, 0, 50, 255, 240]],
    ["our environment is not given", [255, 253, 39], [255, 252, 39]],
    ["line mode was never on", [255, 254, 34], []],
  ])("%s", (_, said, answers) => {
    expect(dialogue(said)).toEqual({ said: "", answers });
  });

  it("are answered once, so that no two sides answer each other for ever", () => {
    expect(dialogue([255, 251, 1, 255, 251, 1, 255, 252, 1, 255, 252, 1]).answers).toEqual([255, 253, 1, 255, 254, 1]);
  });
});

describe("what is sent", () => {
  it("escapes the command byte, and says that a carriage return stands alone", () => {
    const codec = new Codec(() => undefined);
    expect([...codec.encode(Buffer.from([1, 255, 13, 10, 13, 65, 13]))]).toEqual([
      1, 255, 255, 13, 10, 13, 0, 65, 13, 0,
    ]);
  });

  it("adds nothing to a carriage return in binary mode", () => {
    const codec = new Codec(() => undefined);
    codec.decode(Buffer.from([255, 253, 0]));
    expect([...codec.encode(Buffer.from([13, 255]))]).toEqual([13, 255, 255]);
  });

  it("is what the other side reads, whatever it is", () => {
    const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
    const sent = new Codec(() => undefined).encode(bytes);
    expect(new Codec(() => undefined).decode(sent).equals(bytes)).toBe(true);
  });
});
