import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeReply, encodeCommand, RespError } from "./resp.ts";

const read = (text: string) => decodeReply(Buffer.from(text))?.value;

it("carries any words, each in its place", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (words) => {
      // A command has the form of an answer that is a list.
      expect(read(encodeCommand(words))).toEqual(words.map((word) => Buffer.from(word).toString()));
    }),
  );
});

it("reads answers, and waits for those that are not whole", () => {
  expect(read("+OK\r\n")).toBe("OK");
  expect(read(":12\r\n")).toBe(12);
  expect(read("$-1\r\n")).toBeNull();
  expect(read("*2\r\n+OK\r\n*1\r\n$1\r\na\r\n")).toEqual(["OK", ["a"]]);
  for (const part of ["", "+OK", "$3\r\nab", "$3\r\nabc\r", "*2\r\n+OK\r\n"]) expect(read(part)).toBeUndefined();
});

it("keeps the first word of an error only: the rest may repeat a secret", () => {
  const error = read("-ERR unknown command, with args beginning with: `hunter2`\r\n");
  expect(error).toEqual(new RespError("ERR"));
  expect(JSON.stringify(error)).not.toContain("hunter2");
});

it("refuses what is no answer", () => {
  for (const text of ["HTTP/1.1 400\r\n", "$x\r\n", "*-2\r\n", "*1\r\n".repeat(10)])
    expect(() => read(text)).toThrow(/The answer/);
});

it("neither hangs nor throws anything else on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeReply(Buffer.from(bytes));
      } catch (error) {
        expect((error as Error).message).toMatch(/^The answer/);
      }
    }),
  );
});
