import { renderText } from "../../templates/language/render.ts";

/** A text as a literal, under the modes of SQL that a session of ours has. */
export function literal(text: string): string {
  return renderText(["'", { tag: "USERNAME" }, "'"], { USERNAME: text }, "sql", "mysql");
}
