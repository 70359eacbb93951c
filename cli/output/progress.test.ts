import { expect, test } from "vitest";
import { testIo } from "../test-io.ts";
import { ProgressLine } from "./progress.ts";

function shown(tty: boolean): string {
  const io = testIo({ tty });
  const line = new ProgressLine(io);
  for (const text of ["one", "one", "two"]) line.show(text);
  line.end();
  return io.written().errors;
}

test("a terminal sees one line, rewritten", () => {
  expect(shown(true)).toBe("\r\u001B[Kone\r\u001B[Ktwo\n");
});

test("a file sees one line per change", () => {
  expect(shown(false)).toBe("one\ntwo\n");
});
