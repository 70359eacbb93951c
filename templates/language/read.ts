import type { Dialect } from "./dialect.ts";
import { cleanBody } from "./flat.ts";
import { readLines } from "./read-lines.ts";
import { readStatements } from "./read-statements.ts";
import type { PlacedCommand, Reading } from "./reading.ts";
import type { Command, Complaint, Script } from "./script.ts";

/** {@link readTemplate} with the places of commands and tags, for who complains about them. */
export function readPlaced(body: string, dialect: Dialect): Reading<PlacedCommand[]> {
  const text = cleanBody(body);
  return dialect.form === "statements" ? readStatements(text, dialect.sql ?? "postgresql") : readLines(text, dialect);
}

/** The script of placed commands. */
export function scriptOf(commands: readonly PlacedCommand[]): Script {
  return { commands: commands.map(({ name, args, line }): Command => ({ name, args, line })) };
}

/**
 * Reads a template, mending what its author will have meant. Never throws; takes time in proportion to the body.
 * @param body with any line ends
 * @returns the commands that could be read, and what was wrong or doubtful: with a refusal among it, the script is not
 * to be run
 */
export function readTemplate(body: string, dialect: Dialect): { script: Script; complaints: Complaint[] } {
  const { value, complaints } = readPlaced(body, dialect);
  return { script: scriptOf(value), complaints };
}
