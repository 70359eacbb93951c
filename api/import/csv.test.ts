import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IMPORT_COLUMNS, type ImportColumn } from "../../contracts/import-columns.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { Secret } from "../../contracts/secret.ts";
import { decode, readCsv } from "./csv.ts";
import { readRow } from "./rows.ts";

const COLUMNS = Object.keys(IMPORT_COLUMNS) as ImportColumn[];

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('"', ",", ";", "\n", "\r\n", " ", "a", "=", "-", "\\"), maxLength: 8 }),
);
const heading = (column: ImportColumn) =>
  fc
    .tuple(fc.constantFrom<string>(...IMPORT_COLUMNS[column]), fc.boolean(), fc.constantFrom(" ", "_", "-", ""))
    .map(([words, upper, between]) => (upper ? words.toUpperCase() : words).replaceAll(" ", between));
const file = fc
  .uniqueArray(fc.constantFrom(...COLUMNS.filter((column) => column !== "device")), { maxLength: 8 })
  .chain((others) => {
    const columns = ["device" as const, ...others];
    return fc.record({
      columns: fc.constant(columns),
      headings: fc.tuple(...columns.map(heading)),
      rows: fc.array(fc.tuple(...columns.map(() => text)), { maxLength: 6 }),
      delimiter: fc.constantFrom(",", ";"),
      end: fc.constantFrom("\n", "\r\n"),
      bom: fc.boolean(),
    });
  });

function write({
  headings,
  rows,
  delimiter,
  end,
  bom,
}: Pick<
  typeof file extends fc.Arbitrary<infer F> ? F : never,
  "headings" | "rows" | "delimiter" | "end" | "bom"
>): Buffer {
  const cell = (value: string) => (/["\r\n,;]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const lines = [headings, ...rows].map((cells) => cells.map(cell).join(delimiter) + end);
  return Buffer.from((bom ? "\uFEFF" : "") + lines.join(""), "utf8");
}

describe("a file", () => {
  test("gives back every cell that was written, at its line, whatever stands in it", async () => {
    await fc.assert(
      fc.asyncProperty(file, async (made) => {
        // One heading alone tells nothing of the delimiter.
        fc.pre(made.columns.length > 1 || made.delimiter === ",");
        const read = await readCsv(decode(write(made)));
        let line = 2;
        const expected = made.rows.flatMap((cells) => {
          const at = line;
          line += 1 + (cells.join("").match(/\r\n|\n|\r/g)?.length ?? 0);
          const filled = cells
            .map(
              (cell, index) => [made.columns[index], made.columns[index] === "password" ? cell : cell.trim()] as const,
            )
            .filter(([, cell]) => cell !== "");
          return cells.some((cell) => cell.trim() !== "") ? [{ line: at, cells: new Map(filled) }] : [];
        });
        expect(read).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  test("of any bytes is read or refused in words that hold nothing of it", async () => {
    const marked = fc.string({
      unit: fc.constantFrom('"', ",", ";", "\n", "\r", "\u0000", "Zq7", "Device", "Password"),
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(marked, async (body) => {
        try {
          for (const row of await readCsv(body)) {
            const { problems, password } = readRow(row);
            expect(JSON.stringify(problems)).not.toContain("Zq7");
            expect(password === undefined || password instanceof Secret).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ApiProblem);
          expect(String(error)).not.toContain("Zq7");
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("is read the same in one piece and in many", async () => {
    const note = 'ä🔑"\n,;'.repeat(3000);
    const bytes = `Device,Notes\n${Array.from({ length: 20 }, (_, index) => `h${index},"${note.replaceAll('"', '""')}"`).join("\n")}`;
    const rows = await readCsv(bytes);
    expect(rows.map(({ cells }) => [cells.get("device"), cells.get("notes")])).toEqual(
      Array.from({ length: 20 }, (_, index) => [`h${index}`, note.trim()]),
    );
    expect(rows.map(({ line }) => line)).toEqual(Array.from({ length: 20 }, (_, index) => 2 + index * 3001));
  });
});

describe("a row", () => {
  const read = (cells: Partial<Record<ImportColumn, string>>) =>
    readRow({ line: 2, cells: new Map(Object.entries(cells) as [ImportColumn, string][]) });

  test.each([
    [["yes", "YES", "true", "1", "on", "enabled", "Active"], true],
    [["no", "No", "false", "0", "off", "disabled", "inactive"], false],
  ])("%j mean %s", (words, meaning) => {
    for (const word of words)
      expect(read({ device: "d", username: "u", status: word }).credential.active).toBe(meaning);
  });

  test("says nothing of cells that are empty, and empties with a hyphen only what may be empty", () => {
    expect(read({ device: "d" })).toMatchObject({ device: {}, credential: {}, references: {}, problems: [] });
    const hyphens = Object.fromEntries(COLUMNS.map((column) => [column, "-"]));
    const { device, credential, references, problems } = read({ ...hyphens, device: "d", username: "u" });
    expect(device).toEqual({
      address: "-",
      port: null,
      manufacturer: "",
      model: "",
      type: "",
      domain: "",
      url: "",
      tags: [],
    });
    expect(credential).toEqual({
      plugin: "-",
      type: "-",
      tags: [],
      notes: "",
      templateId: null,
      reconciliationPlugin: null,
      reconciliationTemplateId: null,
    });
    expect(references).toEqual({ parent: null, connection: null, reconciliation: null });
    expect(new Set(problems.map(({ column }) => column))).toEqual(
      new Set([
        "site",
        "status",
        "automaticChange",
        "useOwnCredential",
        "reconciliationStatus",
        "reconciliationAutorun",
      ]),
    );
  });

  test("means its own device where an account's hostname is left out", () => {
    expect(
      read({ device: "d", username: "u", parentUsername: "p", connectionUsername: "c", connectionHostname: "e" })
        .references,
    ).toEqual({
      parent: { username: "p", host: "d" },
      connection: { username: "c", host: "e" },
    });
  });
});
