import type { Dialect } from "../../templates/language/dialect.ts";

/** Templates of the original's plugin PostgreSQL. */
export const language: Dialect = {
  names: ["PostgreSQL", "Postgres"],
  form: "statements",
  sql: "postgresql",
  commands: {},
};
