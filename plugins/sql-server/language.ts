import type { Dialect } from "../../templates/language/dialect.ts";

/** Templates of the original's plugin for SQL Server: T-SQL, also cut by lines of `GO`. */
export const language: Dialect = {
  names: ["SQL Server", "SQLServer", "MSSQL", "Microsoft SQL Server", "MS SQL Server"],
  form: "statements",
  sql: "sql-server",
  commands: {},
};
