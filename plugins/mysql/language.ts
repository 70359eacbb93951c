import type { Dialect } from "../../templates/language/dialect.ts";

/** Templates of the original's plugins for MySQL and MariaDB. */
export const language: Dialect = {
  names: ["MySQL", "MariaDB", "MySQL/MariaDB"],
  form: "statements",
  sql: "mysql",
  commands: {},
};
