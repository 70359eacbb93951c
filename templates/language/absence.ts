/** What must not come, where its author meant that an account must not be there. */
import type { Command } from "./script.ts";

/** What says that there is none, and holds its name, too. */
const ABSENT = /no such (?:user|group)|does(?: not|n't) exist|unknown (?:user|group)|not found/i;

/** Whether nothing but a name must not come: that of an account, or of a group. */
export function forbidsNameAlone({ name, args: [text = []] }: Command): boolean {
  const tags = text.filter((part) => typeof part !== "string");
  const isName = tags.length === 1 && (tags[0]?.tag === "USERNAME" || tags[0]?.tag === "GRUPO_NOME");
  return name === "no-expect" && isName && text.every((part) => typeof part !== "string" || /^[*\s]*$/.test(part));
}

/** The text without the lines that say that something is not there. */
export function withoutAbsence(text: string): string {
  return text
    .split("\n")
    .filter((line) => !ABSENT.test(line))
    .join("\n");
}
