/** From the text of a file to its cells. What is refused here names lines and columns, and never quotes a cell. */
import { Readable } from "node:stream";
import { CsvError, parse } from "csv-parse";
import { columnOf, headingOf, type ImportColumn } from "../../contracts/import-columns.ts";
import { IMPORT_ROWS } from "../../contracts/import.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";

/** One row as it stands in the file. */
export interface CsvRow {
  /** Where it begins; the headings are line 1. */
  readonly line: number;
  /** What the columns hold; empty cells are left out. */
  readonly cells: ReadonlyMap<ImportColumn, string>;
  /** What is wrong with its shape. */
  readonly fault?: string;
}

/** A piece that is parsed in a few milliseconds, so that others are answered in between. */
const PIECE = 65_536;

function malformed(sentence: string): ApiProblem {
  return new ApiProblem("import.malformed", sentence);
}

/** @throws ApiProblem `import.malformed` for anything but UTF-8 */
export function decode(bytes: Buffer): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw malformed("The file is UTF-16. Save it as CSV in UTF-8.");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw malformed("The file is not UTF-8. Save it as CSV in UTF-8.");
  }
}

/** The one of the two that stands more often in the first line, outside of quotes. */
function delimiterOf(text: string): "," | ";" {
  const [first = ""] = text.split(/[\r\n]/, 1);
  const bare = first.replaceAll(/"[^"]*"/g, "");
  return bare.split(";").length > bare.split(",").length ? ";" : ",";
}

function* pieces(text: string): Generator<Buffer> {
  const bytes = Buffer.from(text, "utf8");
  for (let start = 0; start < bytes.length; start += PIECE) yield bytes.subarray(start, start + PIECE);
}

/** @throws ApiProblem `import.malformed` */
function readHeadings(record: readonly string[]): (ImportColumn | undefined)[] {
  const columns = record.map((heading, index) => {
    const column = columnOf(heading);
    if (column === undefined && heading.trim() !== "")
      throw malformed(`Column ${index + 1} of the first line has none of the headings that docs/import.md names.`);
    return column;
  });
  const known = columns.filter((column) => column !== undefined);
  const twice = known.find((column, index) => known.indexOf(column) !== index);
  if (twice !== undefined) throw malformed(`Two columns are headed "${headingOf(twice)}", or by another word for it.`);
  if (!known.includes("device")) throw malformed(`No column is headed "${headingOf("device")}".`);
  return columns;
}

/** Line breaks within the cells. */
function breaksIn(record: readonly string[]): number {
  return record.reduce((sum, cell) => sum + cell.split(/\r\n|\r|\n/).length - 1, 0);
}

function readRecord(columns: readonly (ImportColumn | undefined)[], record: readonly string[], line: number): CsvRow {
  const cells = new Map<ImportColumn, string>();
  const row = { line, cells };
  // A missing or an unquoted delimiter moves values into columns where they do not belong: a password may be among them.
  if (record.length < columns.length)
    return { ...row, fault: `must have ${columns.length} cells, as the first line has` };
  for (const [index, cell] of record.entries()) {
    const column = columns[index];
    // Spaces may belong to a password and to nothing else.
    const text = column === "password" ? cell : cell.trim();
    if (text !== "" && column === undefined) return { ...row, fault: "must have no value where no heading stands" };
    if (text !== "" && column !== undefined) cells.set(column, text);
  }
  return row;
}

function describe({ code }: CsvError, line: number): ApiProblem {
  return malformed(
    code === "CSV_QUOTE_NOT_CLOSED"
      ? `A quote that is opened in line ${line} or after it is never closed.`
      : `A quote stands where none may, in line ${line} or after it: put the whole cell in quotes and write quotes within it twice.`,
  );
}

/**
 * Reads the rows of a file (RFC 4180, with comma or semicolon). Rows without any value are left out.
 * @throws ApiProblem `import.malformed`
 */
export async function readCsv(text: string): Promise<CsvRow[]> {
  const parser = parse({
    delimiter: delimiterOf(text),
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
  });
  const rows: CsvRow[] = [];
  let columns: (ImportColumn | undefined)[] | undefined;
  let line = 1;
  try {
    const records: AsyncIterable<string[]> = Readable.from(pieces(text)).compose(parser);
    for await (const record of records) {
      const blank = record.every((cell) => cell.trim() === "");
      if (!blank && columns) rows.push(readRecord(columns, record, line));
      if (!blank) columns ??= readHeadings(record);
      line += 1 + breaksIn(record);
      if (rows.length > IMPORT_ROWS) throw malformed(`The file has more than ${IMPORT_ROWS} rows. Split it.`);
    }
  } catch (error) {
    throw error instanceof CsvError ? describe(error, line) : error;
  }
  if (!columns) throw malformed("The file is empty.");
  return rows;
}
