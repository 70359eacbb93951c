/** Writes docs/errors.md from the catalogue: `node scripts/errors-doc.ts`. */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { ErrorEntry } from "../contracts/error-entry.ts";
import { ERRORS } from "../contracts/errors.ts";

export const ERRORS_DOC = fileURLToPath(new URL("../docs/errors.md", import.meta.url));

const RETRY: Readonly<Record<ErrorEntry["retry"], string>> = {
  later: "after the interval",
  "new-candidate": "at once, with another password",
  no: "no",
};

/** The text of docs/errors.md. */
export function renderErrors(): string {
  const areas = Map.groupBy(Object.entries<ErrorEntry>(ERRORS), ([code]) => code.split(".")[0] ?? "");
  const sections = [...areas].map(([area, entries]) => {
    const rows = entries.map(
      ([code, { status, retry, title, advice }]) =>
        `| \`${code}\` | ${status} | ${RETRY[retry]} | ${title} | ${advice} |`,
    );
    return [
      `## ${area}`,
      "",
      "| code | HTTP | tried again | what happened | what to do |",
      "|---|---|---|---|---|",
      ...rows,
      "",
    ];
  });
  return [...INTRODUCTION, ...sections.flat()].join("\n");
}

const INTRODUCTION = [
  "# Errors",
  "",
  "Made from `contracts/errors.ts` by `node scripts/errors-doc.ts`; a test compares them.",
  "",
  "A code is the `code` of a problem (RFC 9457, `type` is `urn:keyturn:problem:` and the code), the outcome of an attempt",
  "or operation, and the type of a Temporal failure. The HTTP status is the one the API uses when it answers with the code;",
  'outcomes of operations carry the code only. "Tried again" says what the operation does by itself when an attempt fails',
  "so. A problem may also carry `errors` (field, rule, and the shape of what was sent, never its value), `openCode` (the",
  "operation that is open), `state` (the operation's present state) and `currentVersion`.",
  "",
];

if (import.meta.main) await writeFile(ERRORS_DOC, renderErrors());
