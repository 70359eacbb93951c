import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Call, Change } from "../plugin.ts";
import type { Connection, Row } from "./connection.ts";
import { failureOf, numberOf } from "./failures.ts";
import { passwordStatement } from "./statement.ts";

const call: Call = {
  connectTimeoutMs: 1000,
  readTimeoutMs: 1000,
  signal: new AbortController().signal,
  transcript: () => {},
};
const me = { username: "app", host: "10.0.0.%" };
const change: Change = {
  account: { username: "app", domain: "", additionalInfo: "" },
  current: new Secret("old'word"),
  next: new Secret(String.raw`n\ew'word`),
  own: true,
};

/** A MySQL server, which no test here has for real. */
function mysql(version: readonly [number, number, number], described: string) {
  const asked: string[] = [];
  const connection: Connection = {
    isMariadb: false,
    isAtLeast: (...than) => version.join().localeCompare(than.join(), "en", { numeric: true }) >= 0,
    async ask(_call, sql): Promise<Row[]> {
      asked.push(sql);
      if (sql.startsWith("SHOW")) return [{ "CREATE USER for app@%": described }];
      return [{ name: "app", host: "%" }];
    },
    isOpen: () => true,
    close: async () => {},
    destroy: () => {},
  };
  return { connection, asked };
}

describe("on MySQL", () => {
  it("an account changes its own password, with the old one where the server can want it", async () => {
    const [old, modern] = [mysql([5, 7, 40], ""), mysql([8, 4, 0], "")];
    const next = String.raw`ALTER USER USER() IDENTIFIED BY 'n\\ew''word'`;
    expect(await passwordStatement(old.connection, { change, call, form: "hash", me })).toBe(next);
    expect(await passwordStatement(modern.connection, { change, call, form: "hash", me })).toBe(
      `${next} REPLACE 'old''word'`,
    );
  });

  it.each(["`app`@`%`", "'app'@'%'"])("another one's keeps its plugin: %s", async (name) => {
    const stored = "IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$x''y' REQUIRE NONE PASSWORD EXPIRE DEFAULT";
    const { connection, asked } = mysql([8, 4, 0], `CREATE USER ${name} ${stored}`);
    const statement = await passwordStatement(connection, {
      change: { ...change, own: false },
      call,
      form: "hash",
      me,
    });
    expect(statement).toBe(String.raw`ALTER USER 'app'@'%' IDENTIFIED WITH 'caching_sha2_password' BY 'n\\ew''word'`);
    expect(asked.join()).not.toContain("word'");
  });

  it("an account that was let in as another one changes nothing", async () => {
    const { connection } = mysql([8, 4, 0], "");
    const as = (username: string) =>
      passwordStatement(connection, { change, call, form: "hash", me: { username, host: "%" } });
    await expect(as("")).rejects.toMatchObject({ code: "verify.no-password-asked" });
    await expect(as("skip-grants user")).rejects.toMatchObject({ code: "verify.no-password-asked" });
    await expect(as("somebody")).rejects.toMatchObject({ code: "account.unknown" });
  });
});

describe("errors of the connector", () => {
  it("are known by number and code, never by their text", () => {
    const text = "near 'n3w-secret' (conn:1, SQL: ALTER USER … IDENTIFIED BY 'n3w-secret')";
    const error = (fields: object) => Object.assign(new Error(text), fields);
    expect(failureOf(error({ errno: 1396 }))).toMatchObject({ code: "change.refused", refused: true });
    expect(failureOf(error({ errno: 1317 }))).toMatchObject({ code: "target.connection-lost", refused: false });
    expect(failureOf(error({ errno: -111, code: "ECONNREFUSED" }))).toMatchObject({ code: "target.unreachable" });
    expect(failureOf(error({ errno: 45_009, code: "ER_SOCKET_UNEXPECTED_CLOSE" }))).toMatchObject({
      code: "target.connection-lost",
    });
    expect(numberOf(error({ errno: 45_009 }))).toBeUndefined();
    for (const fields of [{ errno: 1064 }, { errno: 9999 }, { code: "EPIPE" }, {}])
      expect(failureOf(error(fields)).message).not.toContain("n3w-");
  });
});
