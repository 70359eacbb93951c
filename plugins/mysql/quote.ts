import { renderText } from "../../templates/language/render.ts";
import type { Identity } from "./account.ts";

/** A text as a literal, under the modes of SQL that a session of ours has. */
export function literal(text: string): string {
  return renderText(["'", { tag: "USERNAME" }, "'"], { USERNAME: text }, "sql", "mysql");
}

/** An account as a statement names it. */
export function accountName({ username, host }: Identity): string {
  return `${literal(username)}@${literal(host)}`;
}
