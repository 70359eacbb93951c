import { expect, it } from "vitest";
import { onlyReads } from "./only-reads.ts";

it.each([
  "SELECT 1",
  "  select update_time, created FROM settings",
  "SHOW GRANTS FOR x",
  "USE mysql",
  "DESC mysql.user",
  "ALTER SESSION SET CONTAINER = PDB1",
  'alter session\nset "_ORACLE_SCRIPT"=true',
])("sends %o", (sql) => {
  expect(onlyReads(sql)).toBe(true);
});

it.each([
  "CREATE USER x",
  "ALTER SYSTEM SET a = 1",
  "SET GLOBAL a = 1",
  "FLUSH PRIVILEGES",
  "selection",
  "SELECT 1 INTO OUTFILE '/x'",
  "SELECT 1 FROM t FOR UPDATE",
  "SELECT 1\nDROP LOGIN x",
  "USE master EXEC sp_addlogin 'x'",
  "SELECT /*! 1 INTO @a */ 1",
  "/* SELECT */ DELETE FROM t",
  "ALTER SESSION SET a = 1 DROP USER x",
  "BEGIN x; END",
  "WITH a AS (SELECT 1) DELETE FROM a",
  "",
])("does not send %o", (sql) => {
  expect(onlyReads(sql)).toBe(false);
});
