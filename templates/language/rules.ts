import type { Complaint } from "./script.ts";

/** Every rule a template can break, and what follows. `docs/templates.md` explains each. */
export const RULES = {
  "template.empty": "refusal",
  "command.unknown": "refusal",
  "command.place": "refusal",
  "arguments.count": "refusal",
  "argument.value": "refusal",
  "argument.doubtful": "warning",
  "argument.seconds": "warning",
  "argument.trailing": "warning",
  "quote.missing": "warning",
  "quote.unclosed": "warning",
  "quote.inner": "warning",
  "quote.curly": "warning",
  "line.after-end": "warning",
  "tag.unknown": "refusal",
  "tag.broken": "refusal",
  "tag.wrong-kind": "refusal",
  "password.not-owned": "refusal",
  "password.never-sent": "refusal",
  "password.argument": "warning",
  "password.literal": "warning",
  "password.alphabet": "warning",
  "pattern.empty": "warning",
  "pattern.not-a-glob": "warning",
  "pattern.absence": "warning",
  "regex.no-slashes": "warning",
  "regex.literal": "warning",
  "regex.glob": "warning",
  "regex.dollar": "warning",
  "regex.invalid": "refusal",
  "filter.parentheses": "warning",
  "text.escape": "warning",
  "tcl.substitution": "warning",
  "tcl.block": "refusal",
  "sql.unclosed": "refusal",
  "sql.connect": "warning",
} as const satisfies Readonly<Record<string, Complaint["severity"]>>;

export type Rule = keyof typeof RULES;

/** A place in a body; both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export function complaint(rule: Rule, message: string, place: Place): Complaint {
  return { severity: RULES[rule], rule, message, line: place.line, column: place.column };
}
