import { expect, test } from "vitest";
import { ask, readPassword } from "./io.ts";
import { testIo } from "./test-io.ts";

test("a password from a pipe is its first line, spaces and all", async () => {
  expect(await readPassword(testIo({ typed: " pass word \r\nsecond line\n" }))).toBe(" pass word ");
});

test("a private key from a pipe is all of it", async () => {
  const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
  expect(await readPassword(testIo({ typed: key }))).toBe(key);
});

test("an empty pipe gives no password", async () => {
  expect(await readPassword(testIo())).toBeUndefined();
});

test("a password typed twice is taken and never shown", async () => {
  const io = testIo({ tty: true, typed: "s3cret!\rs3cret!\r" });
  expect(await readPassword(io)).toBe("s3cret!");
  expect(io.written().errors + io.written().output).not.toContain("s3cret!");
});

test("two different ones are not taken", async () => {
  expect(await readPassword(testIo({ tty: true, typed: "s3cret!\rsecret!\r" }))).toBeUndefined();
});

test("Ctrl-C at the question gives up", async () => {
  await expect(readPassword(testIo({ tty: true, typed: "s3c\u0003" }))).rejects.toThrow("Given up");
});

test("without a terminal nobody can be asked", async () => {
  expect(await ask(testIo(), "Sure? ")).toBeUndefined();
});
