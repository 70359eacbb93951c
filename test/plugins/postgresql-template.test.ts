import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { BoundScript } from "../../templates/language/script.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { LIMIT_MS } from "../../plugins/postgresql/deadline.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type PostgresTarget, startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { attempt, newCall, newLogin, newPassword, other, own, textsOf, withPassword } from "./conformance-target.ts";
import { bindTemplate } from "./sql-script.ts";

const plugin = findPlugin("postgresql") as Plugin;
const ALTER = "ALTER USER [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]';";

let target: PostgresTarget;
let device: Device;
let administrator: Login;

beforeAll(async () => {
  target = await startPostgresTarget();
  const { address, port, ca } = target;
  device = { address, port, settings: plugin.settings.parse({ caCertificate: ca }) };
  const { username, password } = target.administrator;
  administrator = { username, domain: "", additionalInfo: "", password: new Secret(password) };
});
afterAll(() => target?.stop());

async function account(over: { username?: string } = {}): Promise<Login> {
  const login = newLogin(over);
  await target.createRoles([{ name: login.username, password: login.password.reveal() }]);
  return login;
}

async function verdict(login: Login, password = login.password): Promise<string> {
  return (await plugin.verify(device, withPassword(login, password), newCall())).code;
}

function change(body: string, login: Login, next: Secret) {
  const script = bindTemplate(plugin, body, { account: login, next });
  return attempt({ plugin, device, login: administrator, change: { ...other(login, next), script } });
}

async function run(body: string, login: Login, parameters: Readonly<Record<string, string>> = {}) {
  const script = bindTemplate(plugin, body, { account: login, parameters });
  const session = await plugin.open(device, administrator, newCall(), script);
  const error = await session.run?.(script, newCall(), async () => {}).catch((reason: unknown) => reason);
  await session.close();
  return error;
}

describe("a change", () => {
  it("of another account and of its own; where the password stands alone, a verifier is sent", async () => {
    const login = await account();
    const [next, third] = [newPassword(), newPassword()];
    expect(await change(ALTER, login, next)).toEqual({ asked: 1 });
    const renewed = withPassword(login, next);
    const script = bindTemplate(plugin, ALTER, { account: login, next: third });
    expect(await attempt({ plugin, device, login: renewed, change: { ...own(renewed, third), script } })).toEqual({
      asked: 1,
    });
    expect(await verdict(login, third)).toBe("verify.accepted");
    expect(await verdict(login, next)).toBe("verify.rejected");
    const log = await readFile(target.log, "utf8");
    expect(log.includes(`ALTER USER "${login.username}" WITH PASSWORD 'SCRAM-SHA-256$`)).toBe(true);
    for (const secret of [next, third]) expect(log.includes(secret.reveal())).toBe(false);
  });

  it.each([
    'ALTER ROLE "[#USERNAME#]" PASSWORD [#NEW_PASSWORD#]',
    "ALTER ROLE [#username#] PASSWORD E'[#NEW_PASSWORD#]'",
    "DO $$ BEGIN EXECUTE format('ALTER ROLE %I PASSWORD %L', '[#USERNAME#]', '[#PASSWORD#]'); END $$;",
    "SELECT 1;\nSET LOCAL search_path = '';\nALTER ROLE [#USERNAME#] PASSWORD '[#NEW_PASSWORD#]'; SELECT 2",
  ])("by %s", async (body) => {
    const login = await account();
    const next = newPassword();
    expect(await change(body, login, next)).toEqual({ asked: 1 });
    expect(await verdict(login, next)).toBe("verify.accepted");
    expect(await verdict(login)).toBe("verify.rejected");
  });

  it("of ten accounts at once, each right", async () => {
    const logins = await Promise.all(Array.from({ length: 10 }, () => account()));
    const next = logins.map(() => newPassword());
    const results = await Promise.all(logins.map((login, at) => change(ALTER, login, next[at] ?? login.password)));
    expect(results).toEqual(logins.map(() => ({ asked: 1 })));
    for (const [at, login] of logins.entries()) {
      expect(await verdict(login, next[at])).toBe("verify.accepted");
      expect(await verdict(login)).toBe("verify.rejected");
    }
  });

  it("is undone whole when a statement of it fails, and the server's words about it stay there", async () => {
    const login = await account();
    const next = newPassword();
    const { error, asked } = await change(`${ALTER} SELECT '[#NEW_PASSWORD#]' FROM nowhere;`, login, next);
    expect(error).toMatchObject({ code: "target.unexpected", refused: true, effect: "none" });
    expect(textsOf(error).join("\n")).not.toContain("nowhere");
    expect(asked).toBe(1);
    expect(await verdict(login)).toBe("verify.accepted");
    expect(await verdict(login, next)).toBe("verify.rejected");
  });

  it("outside of a transaction is in doubt when a later statement fails", async () => {
    const login = await account();
    const next = newPassword();
    const { error } = await change(`${ALTER} VACUUM nowhere;`, login, next);
    expect(error).toMatchObject({ refused: false, effect: "unknown" });
    expect(await verdict(login, next)).toBe("verify.accepted");
  });

  it("that came late is not carried out", async () => {
    const login = await account();
    const next = newPassword();
    const script = bindTemplate(plugin, ALTER, { account: login, next });
    const { error } = await attempt({
      plugin,
      device,
      login: administrator,
      change: { ...other(login, next), script },
      // As a worker does that was stopped behind it.
      pointOfNoReturn: () => new Promise((resolve) => setTimeout(resolve, LIMIT_MS + 500)),
    });
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(await verdict(login)).toBe("verify.accepted");
  });

  it("of an account that does not exist makes none", async () => {
    const login = newLogin();
    const { error } = await change(ALTER, login, newPassword());
    expect(error).toMatchObject({ code: "account.unknown", effect: "none" });
    expect(await verdict(login)).toBe("verify.rejected");
  });

  it("without a place for the password, or with a value that cannot stand in its place, sends nothing", async () => {
    const login = await account();
    expect(await change("SELECT 1", login, newPassword())).toMatchObject({
      asked: 0,
      error: { code: "template.refused", effect: "none" },
    });
    const odd = { ...login, username: "a b" };
    expect(await change("ALTER ROLE x_[#USERNAME#] PASSWORD '[#NEW_PASSWORD#]'", odd, newPassword())).toMatchObject({
      asked: 0,
      error: { code: "template.refused", effect: "none" },
    });
  });
});

describe("a job", () => {
  it("makes, groups, stops and removes a role", async () => {
    const login = newLogin();
    const group = { GRUPO_NOME: `group ${login.username}` };
    expect(await run("CREATE ROLE [#GRUPO_NOME#]", login, group)).toBeUndefined();
    expect(await run("CREATE USER [#USERNAME#] IN ROLE [#GRUPO_NOME#]", login, group)).toBeUndefined();
    expect(await run("ALTER ROLE [#USERNAME#] NOLOGIN", login)).toBeUndefined();
    const roles = () => target.run(`SELECT rolcanlogin FROM pg_roles WHERE rolname = '${login.username}'`);
    expect(await roles()).toEqual([{ rolcanlogin: false }]);
    expect(await run("DROP ROLE [#USERNAME#]; DROP ROLE [#GRUPO_NOME#]", login, group)).toBeUndefined();
    expect(await roles()).toEqual([]);
  });

  it("that fails leaves nothing behind", async () => {
    const login = newLogin();
    const error = await run("CREATE ROLE [#USERNAME#]; CREATE ROLE [#USERNAME#]", login);
    expect(error).toMatchObject({ refused: true, effect: "none" });
    expect(await target.run(`SELECT 1 FROM pg_roles WHERE rolname = '${login.username}'`)).toEqual([]);
  });
});

it("a rehearsal stops before the password, and undoes what it did", async () => {
  const login = await account();
  const body = `CREATE TABLE rehearsed (a int);\n${ALTER}`;
  const script: BoundScript = bindTemplate(plugin, body, { account: login, next: newPassword() });
  const session = await plugin.open(device, administrator, newCall(), script);
  expect(await session.rehearse?.(script, newCall())).toBe(2);
  expect(await target.run("SELECT to_regclass('rehearsed') AS found")).toEqual([{ found: null }]);
  expect(await verdict(login)).toBe("verify.accepted");
});

it("a rehearsal of what cannot be undone stops before it", async () => {
  const session = await plugin.open(device, administrator, newCall());
  const body = `SELECT 1;\nCREATE DATABASE rehearsed;\n${ALTER}`;
  const script = bindTemplate(plugin, body, { account: await account() });
  expect(await session.rehearse?.(script, newCall())).toBe(2);
  expect(await target.run("SELECT 1 FROM pg_database WHERE datname = 'rehearsed'")).toEqual([]);
});
