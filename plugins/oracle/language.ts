import type { Dialect } from "../../templates/language/dialect.ts";

/** Templates of the original's plugin for Oracle: SQL and PL/SQL, also cut by lines of `/`. */
export const language: Dialect = {
  names: ["Oracle", "Oracle Database"],
  form: "statements",
  sql: "oracle",
  commands: {},
};
