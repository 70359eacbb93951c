import { z } from "zod";
import { Code, Flag } from "./common.schema.ts";

/** Rows that one file may hold, and bytes. */
export const IMPORT_ROWS = 10_000;
export const IMPORT_BYTES = 20_000_000;

export const ImportQuery = z.strictObject({
  dryRun: Flag.optional().describe("Only says what would be done."),
});

const Outcome = z.enum(["created", "updated", "unchanged", "refused"]);

const Part = z.enum(["created", "updated", "unchanged"]);

export const ImportProblem = z
  .object({
    column: z.string().describe("Heading of the column; empty when it is about the whole row."),
    code: Code,
    rule: z.string(),
    got: z.string().describe("The shape of what the cell holds, never its value."),
  })
  .meta({ id: "ImportProblem" });
export type ImportProblem = z.infer<typeof ImportProblem>;

export const ImportRowReport = z
  .object({
    line: z.int().describe("Line of the file where the row begins; the headings are line 1."),
    outcome: Outcome,
    device: Part.nullable().describe("What became of the device; null when the row was refused."),
    credential: Part.nullable().describe("The same of the account; null also when the row names none."),
    columns: z.array(z.string()).describe("Headings of the columns whose values are new."),
    problems: z.array(ImportProblem),
  })
  .meta({ id: "ImportRowReport" });
export type ImportRowReport = z.infer<typeof ImportRowReport>;

export const ImportReport = z
  .object({
    dryRun: z.boolean(),
    created: z.int(),
    updated: z.int(),
    unchanged: z.int(),
    refused: z.int(),
    rows: z.array(ImportRowReport),
  })
  .meta({ id: "ImportReport" });
export type ImportReport = z.infer<typeof ImportReport>;

export const ImportFile = z
  .string()
  .describe("The file: CSV in UTF-8, at most 10,000 rows and 20 MB. See docs/import.md.");
