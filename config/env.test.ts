import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfig } from "./env.ts";

const DATABASE_URL = "postgresql://keyturn@127.0.0.1/keyturn";

test("names every variable that is wrong, and repeats no value", () => {
  const wrong = { DATABASE_URL: "mysql://user:hunter2@host/db", KEYTURN_PORT: "70000", KEYTURN_SLOTS: "none" };
  expect(() => readConfig(wrong)).toThrow(/DATABASE_URL: .*\n.*KEYTURN_PORT: .*\n.*KEYTURN_SLOTS: /);
  expect(() => readConfig(wrong)).not.toThrow(/hunter2|70000|none/);
});

test("an empty variable is no variable", () => {
  expect(readConfig({ DATABASE_URL, KEYTURN_PORT: "" }).KEYTURN_PORT).toBe(8420);
});

test("the database's address is read from a file when there is no variable", () => {
  const folder = mkdtempSync(join(tmpdir(), "keyturn-env-"));
  const file = join(folder, "url");
  writeFileSync(file, `${DATABASE_URL}\n`);
  expect(readConfig({ DATABASE_URL_FILE: file }).DATABASE_URL).toBe(DATABASE_URL);
  const other = "postgresql://other@127.0.0.1/other";
  expect(readConfig({ DATABASE_URL_FILE: file, DATABASE_URL: other }).DATABASE_URL).toBe(other);
  rmSync(folder, { recursive: true });
});
