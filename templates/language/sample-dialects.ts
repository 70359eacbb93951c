/** Small languages for the tests of this folder; the real ones are beside their plugins. */
import type { Dialect, SqlDialect } from "./dialect.ts";

const commands = {
  exec: { arguments: [0, 1], contexts: ["typed"] },
  expect: { arguments: [1, 1], contexts: ["pattern"] },
  "no-expect": { arguments: [1, 1], contexts: ["pattern"], aliases: ["noexpect", "not-expect"] },
  "expect-regex": { arguments: [1, 1], contexts: ["regex"] },
  "set-new-line-mode": { arguments: [1, 1], contexts: ["plain"] },
  "set-ssh-version": {
    arguments: [1, 1],
    contexts: ["plain"],
    check: ([version]) => (version === "2" ? undefined : "Only version 2 is spoken."),
  },
  sleep: { arguments: [1, 1], contexts: ["plain"] },
  find: { arguments: [2, 2], contexts: ["ldap-dn", "ldap-filter"] },
  "mod-replace": { arguments: [2, 2], contexts: ["plain"] },
  arguments: { arguments: [0, Infinity], contexts: ["plain"] },
  body: { arguments: [1, 1], contexts: ["json"] },
  request: { arguments: [1, 1], contexts: ["url"] },
  end: { arguments: [0, 0], contexts: [] },
} as const satisfies Dialect["commands"];

export const LINES: Dialect = { names: ["SSH"], form: "lines", commands };

export const EXPECT: Dialect = {
  names: ["Tk Expect"],
  form: "expect",
  commands: {
    expect: { arguments: [1, 2], contexts: ["pattern"] },
    send: { arguments: [1, 1], contexts: ["typed"] },
    use: { arguments: [1, 2], contexts: ["plain"] },
    env: { arguments: [2, 2], contexts: ["plain"] },
    end: { arguments: [0, 0], contexts: [] },
  },
};

export function statements(sql: SqlDialect): Dialect {
  return { names: [sql], form: "statements", sql, commands: {} };
}

export const ALL: readonly Dialect[] = [
  LINES,
  EXPECT,
  ...(["postgresql", "mysql", "oracle", "sql-server"] as const).map(statements),
];
