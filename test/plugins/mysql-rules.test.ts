import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Change, Device, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type MariadbTarget, startMariadbTarget } from "../../scripts/targets/mariadb.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { attempt, newCall, newLogin, newPassword, other, own, textsOf, withPassword } from "./conformance-target.ts";
import { bindTemplate } from "./sql-script.ts";

const plugin = findPlugin("mysql") as Plugin;
const ALTER = "ALTER USER '[#USERNAME#]'@'127.0.0.1' IDENTIFIED BY '[#NEW_PASSWORD#]';";

let target: MariadbTarget;
let device: Device;
let administrator: Login;

function deviceOf(settings: Readonly<Record<string, unknown>> = {}): Device {
  const { address, port, ca } = target;
  return { address, port, settings: plugin.settings.parse({ caCertificate: ca, ...settings }) };
}

async function account(options: { host?: string; identified?: string } = {}): Promise<Login> {
  const login = newLogin();
  await target.createUser(login.username, login.password.reveal(), options);
  return login;
}

async function verdict(login: Login, password = login.password, on = device): Promise<string> {
  return (await plugin.verify(on, withPassword(login, password), newCall())).code;
}

function run(login: Login, change: Change, on = device) {
  return attempt({ plugin, device: on, login, change });
}

function byTemplate(body: string, login: Login, next: Secret) {
  const script = bindTemplate(plugin, body, { account: login, next });
  return run(administrator, { ...other(login, next), script });
}

async function describeUser({ username }: Login, host = "127.0.0.1"): Promise<string> {
  const [row = {}] = await target.run(`SHOW CREATE USER '${username}'@'${host}'`);
  return String(Object.values(row)[0]);
}

describeAsRoot("mysql, beside the suite", ["mariadb-server"], () => {
  beforeAll(async () => {
    target = await startMariadbTarget();
    device = deviceOf();
    const { username, password } = target.administrator;
    administrator = { username, domain: "", additionalInfo: "", password: new Secret(password) };
  });
  afterAll(() => target?.stop());

  describe("what the server learns", () => {
    const ED25519 = (login: Login) => `ed25519 USING PASSWORD('${login.password.reveal()}')`;

    it("is a hash of the account's own kind, and no log holds a password", async () => {
      const [native, modern] = [await account(), newLogin()];
      await target.createUser(modern.username, "", { identified: ED25519(modern) });
      const secrets: Secret[] = [];
      for (const login of [native, modern]) {
        const [next, third] = [newPassword(), newPassword()];
        expect(await run(login, own(login, next))).toEqual({ asked: 1 });
        expect(await verdict(login, next)).toBe("verify.accepted");
        expect(await run(administrator, other(login, third))).toEqual({ asked: 1 });
        expect(await verdict(login, third)).toBe("verify.accepted");
        expect(await verdict(login, next)).toBe("verify.rejected");
        secrets.push(login.password, next, third);
      }
      expect(await describeUser(modern)).toMatch(/IDENTIFIED VIA ed25519 USING/);
      const logs = await target.logs();
      expect(logs.includes(native.username) && logs.includes("SET PASSWORD = '*")).toBe(true);
      for (const secret of secrets) expect(logs.includes(secret.reveal())).toBe(false);
    });

    it("keeps ways to log in that have no password, and sets all that have one", async () => {
      const login = newLogin();
      const by = `mysql_native_password USING PASSWORD('x') OR unix_socket OR ${ED25519(login)}`;
      await target.createUser(login.username, "", { identified: by });
      const next = newPassword();
      const { error } = await run(login, own(login, next));
      expect(error).toMatchObject({ code: "target.unexpected", effect: "none" });
      expect(await run(administrator, other(login, next))).toEqual({ asked: 1 });
      expect(await verdict(login, next)).toBe("verify.accepted");
      expect(await verdict(login)).toBe("verify.rejected");
      expect(await verdict(login, new Secret("x"))).toBe("verify.rejected");
      expect(await describeUser(login)).toMatch(/mysql_native_password USING '\S+' OR unix_socket OR ed25519 USING/);
    });

    it("is nothing where an account has no password", async () => {
      const login = await account({ identified: "unix_socket" });
      const { error, asked } = await run(administrator, other(login, newPassword()));
      expect(error).toMatchObject({ code: "target.unexpected", effect: "none" });
      expect(asked).toBe(0);
      expect(await verdict(login)).toBe("verify.rejected");
    });
  });

  describe("one name from two hosts", () => {
    const at = (login: Login, additionalInfo: string): Login => ({ ...login, additionalInfo });

    it("is not changed until the host is said, and then that one alone", async () => {
      const login = await account();
      const elsewhere = newPassword();
      await target.createUser(login.username, elsewhere.reveal(), { host: "%" });
      const before = await describeUser(login, "%");
      const next = newPassword();
      const { error, asked } = await run(administrator, other(login, next));
      expect(error).toMatchObject({ code: "account.ambiguous", effect: "none" });
      expect(textsOf(error).join()).toMatch(/'%'.*'127\.0\.0\.1'|'127\.0\.0\.1'.*'%'/);
      expect(asked).toBe(0);
      expect(await run(administrator, other(at(login, "127.0.0.1"), next))).toEqual({ asked: 1 });
      expect(await verdict(at(login, "127.0.0.1"), next)).toBe("verify.accepted");
      expect(await describeUser(login, "%")).toBe(before);
      expect((await run(administrator, other(at(login, "10.0.0.1"), next))).error).toMatchObject({
        code: "account.unknown",
      });
    });

    it("proves nothing about the other one", async () => {
      const login = await account();
      await target.createUser(login.username, newPassword().reveal(), { host: "%" });
      expect(await verdict(at(login, "%"))).toBe("account.ambiguous");
      const { error, asked } = await run(at(login, "%"), own(at(login, "%"), newPassword()));
      expect(error).toMatchObject({ code: "account.ambiguous", effect: "none" });
      expect(asked).toBe(0);
      expect(await verdict(login)).toBe("verify.accepted");
    });

    it("a role is no account, nor is a name with a blank more", async () => {
      const login = await account();
      await target.run("CREATE ROLE a_role");
      for (const username of ["a_role", `${login.username} `]) {
        const { error } = await run(administrator, other({ ...login, username }, newPassword()));
        expect(error).toMatchObject({ code: "account.unknown", effect: "none" });
      }
    });
  });

  describe("log-ins that are refused", () => {
    it("a locked account: the password is told right from wrong", async () => {
      const login = await account();
      await target.run(`ALTER USER '${login.username}'@'127.0.0.1' ACCOUNT LOCK`);
      expect(await plugin.verify(device, login, newCall())).toEqual({
        verdict: "accepted",
        code: "verify.account-expired",
      });
      expect(await verdict(login, newPassword())).toBe("verify.rejected");
      const { error } = await run(login, own(login, newPassword()));
      expect(error).toMatchObject({ code: "auth.locked", effect: "none" });
    });

    it("a password that must be changed is right all the same, and another account changes it", async () => {
      const login = await account();
      await target.run(`ALTER USER '${login.username}'@'127.0.0.1' PASSWORD EXPIRE`);
      expect(await plugin.verify(device, login, newCall())).toEqual({
        verdict: "accepted",
        code: "verify.must-change",
      });
      expect(await verdict(login, newPassword())).toBe("verify.rejected");
      expect((await run(login, own(login, newPassword()))).error).toMatchObject({ code: "auth.must-change" });
      const next = newPassword();
      expect(await run(administrator, other(login, next))).toEqual({ asked: 1 });
      expect(await verdict(login, next)).toBe("verify.accepted");
    });

    it("a name that no account can have", async () => {
      expect(await verdict(newLogin({ username: "a\0b" }))).toBe("account.unknown");
      expect(await verdict({ ...newLogin(), username: "" })).toBe("account.unknown");
    });
  });

  describe("the server's settings", () => {
    it("that change what quotes mean do not: a session of ours has its own", async () => {
      const before = await target.run("SELECT @@GLOBAL.sql_mode AS mode");
      await target.run("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,ORACLE'");
      try {
        const login = await account();
        for (const text of [String.raw`back\slash'"`, String.raw`\'; DROP USER x; -- \\`]) {
          const next = new Secret(text);
          expect(await byTemplate(ALTER, login, next)).toEqual({ asked: 1 });
          expect(await verdict(login, next)).toBe("verify.accepted");
          expect(await run(administrator, other(login, newPassword()))).toEqual({ asked: 1 });
        }
      } finally {
        await target.run(`SET GLOBAL sql_mode = '${String(before[0]?.["mode"])}'`);
      }
    });

    it("a change that waits behind a backup is given up, and never carried out", async () => {
      const login = await account();
      const next = newPassword();
      // Until it is killed.
      const held = target.run("FLUSH TABLES WITH READ LOCK", "SELECT SLEEP(200)").catch(() => {});
      const holders = () =>
        target.run(
          "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(200)' AND id <> CONNECTION_ID()",
        );
      await expect.poll(holders).toHaveLength(1);
      const { error } = await run(administrator, other(login, next));
      expect(error).toMatchObject({ code: "target.timeout", effect: "unknown" });
      const [holder] = await holders();
      await target.run(`KILL ${String(holder?.["id"])}`);
      await held;
      expect(await verdict(login)).toBe("verify.accepted");
      expect(await verdict(login, next)).toBe("verify.rejected");
    });

    it("that check passwords take no hash; in clear they do, and refuse a weak one", async () => {
      const login = await account();
      await target.run("INSTALL SONAME 'simple_password_check'");
      try {
        const next = newPassword();
        const { error, asked } = await run(administrator, other(login, next));
        expect(error).toMatchObject({ code: "target.unexpected", effect: "none" });
        expect(textsOf(error).join()).toContain("passwordForm");
        expect(asked).toBe(0);
        const clear = deviceOf({ passwordForm: "clear" });
        const weak = await run(administrator, other(login, new Secret("weak")), clear);
        expect(weak).toMatchObject({ asked: 1, error: { code: "change.refused", effect: "none" } });
        expect(await verdict(login)).toBe("verify.accepted");
        expect(await run(administrator, other(login, next), clear)).toEqual({ asked: 1 });
        const third = newPassword();
        const renewed = withPassword(login, next);
        expect(await run(renewed, own(renewed, third), clear)).toEqual({ asked: 1 });
        expect(await verdict(login, third)).toBe("verify.accepted");
      } finally {
        await target.run("UNINSTALL SONAME 'simple_password_check'");
      }
    });
  });

  describe("by template", () => {
    it("ten accounts at once, each right", async () => {
      const logins = await Promise.all(Array.from({ length: 10 }, () => account()));
      const next = logins.map(() => newPassword());
      const results = await Promise.all(
        logins.map((login, at) => byTemplate(ALTER, login, next[at] ?? login.password)),
      );
      expect(results).toEqual(logins.map(() => ({ asked: 1 })));
      for (const [at, login] of logins.entries()) {
        expect(await verdict(login, next[at])).toBe("verify.accepted");
        expect(await verdict(login)).toBe("verify.rejected");
      }
    });

    it("each statement is for good: what fails after the password leaves doubt", async () => {
      const login = await account();
      const [next, third] = [newPassword(), newPassword()];
      expect(await byTemplate(`${ALTER} FLUSH PRIVILEGES;`, login, next)).toEqual({ asked: 1 });
      expect(await verdict(login, next)).toBe("verify.accepted");
      const late = await byTemplate(`${ALTER} SELECT '[#NEW_PASSWORD#]' FROM nowhere.at_all;`, login, third);
      expect(late.error).toMatchObject({ refused: false, effect: "unknown" });
      expect(await verdict(login, third)).toBe("verify.accepted");
      const early = await byTemplate(`SELECT 1 FROM nowhere.at_all; ${ALTER}`, login, next);
      expect(early).toMatchObject({ asked: 0, error: { effect: "none" } });
    });

    it("makes no account, and sends nothing that cannot be quoted", async () => {
      const login = newLogin();
      const { error } = await byTemplate(ALTER, login, newPassword());
      expect(error).toMatchObject({ code: "change.refused", effect: "none" });
      expect(await verdict(login)).toBe("verify.rejected");
      const odd = { ...(await account()), username: "a\0b" };
      expect(await byTemplate(ALTER, odd, newPassword())).toMatchObject({
        asked: 0,
        error: { code: "template.refused", effect: "none" },
      });
    });

    it("makes, stops and removes users and roles", async () => {
      const login = newLogin();
      const session = await plugin.open(device, administrator, newCall());
      const job = (body: string) => {
        const script = bindTemplate(plugin, body, {
          account: login,
          parameters: { GRUPO_NOME: `g'${login.username}` },
        });
        return session.run?.(script, newCall(), async () => {});
      };
      const count = async () =>
        (await target.run(`SELECT User FROM mysql.user WHERE User LIKE '%${login.username}'`)).length;
      await job(
        "CREATE USER '[#USERNAME#]'@'127.0.0.1'; CREATE ROLE '[#GRUPO_NOME#]'; GRANT [#GRUPO_NOME#] TO '[#USERNAME#]'@'127.0.0.1'",
      );
      expect(await count()).toBe(2);
      await job("ALTER USER '[#USERNAME#]'@'127.0.0.1' ACCOUNT LOCK");
      expect(await describeUser(login)).toContain("ACCOUNT LOCK");
      await job("DROP USER '[#USERNAME#]'@'127.0.0.1'; DROP ROLE [#GRUPO_NOME#]");
      expect(await count()).toBe(0);
      await session.close();
    });
  });

  describe("a rehearsal by template", () => {
    async function rehearse(body: string, login: Login) {
      const session = await plugin.open(device, administrator, newCall());
      const lines: string[] = [];
      const call = { ...newCall(), transcript: (line: string) => lines.push(line) };
      // As in a real one there is no new password yet.
      return { stoppedBefore: await session.rehearse?.(bindTemplate(plugin, body, { account: login }), call), lines };
    }

    it("sends what only reads, and stops before the password", async () => {
      const body = `USE mysql;\nSELECT User FROM user WHERE User = '[#USERNAME#]';\nSHOW GRANTS FOR [#USERNAME#]@'127.0.0.1';\n${ALTER}`;
      expect(await rehearse(body, await account())).toEqual({
        stoppedBefore: 4,
        lines: [
          "line 1: USE mysql … done",
          "line 2: SELECT User FROM user WHERE User … done",
          "line 3: SHOW GRANTS FOR … done",
        ],
      });
    });

    it("stops before what would change something, which the server would keep", async () => {
      const role = newLogin().username;
      const { stoppedBefore, lines } = await rehearse(`SELECT 1;\nCREATE ROLE ${role};\n${ALTER}`, await account());
      expect(stoppedBefore).toBe(2);
      expect(lines.at(-1)).toMatch(/^line 2: CREATE ROLE .* not sent: it may change something/);
      expect(await target.run(`SELECT User FROM mysql.user WHERE User = '${role}'`)).toEqual([]);
    });

    it("says which statement the server refuses", async () => {
      const session = await plugin.open(device, administrator, newCall());
      const lines: string[] = [];
      const call = { ...newCall(), transcript: (line: string) => lines.push(line) };
      const body = `SELECT 1;\nSELECT 1 FROM nowhere.at_all;\n${ALTER}`;
      const script = bindTemplate(plugin, body, { account: newLogin() });
      await expect(session.rehearse?.(script, call)).rejects.toMatchObject({ effect: "none" });
      expect(lines).toEqual(["line 1: SELECT … done", "line 2: SELECT … failed"]);
    });
  });

  describe("TLS", () => {
    it("can be off, and then there is no identity", async () => {
      const login = await account();
      const open = deviceOf({ tls: "off" });
      expect(await verdict(login, login.password, open)).toBe("verify.accepted");
      expect(await plugin.identify(open, newCall())).toBeUndefined();
    });

    it("checks the name in the certificate", async () => {
      const login = await account();
      expect(await verdict(login, login.password, deviceOf({ serverName: "localhost" }))).toBe("verify.accepted");
      expect(await verdict(login, login.password, deviceOf({ serverName: "db.example" }))).toBe(
        "target.identity-unknown",
      );
    });

    it("a server with a new certificate is proven anew, and one that is not the pinned one hears no name", async () => {
      const login = await account();
      const pinnedIdentity = await plugin.identify(device, newCall());
      const pinned = { ...deviceOf(), settings: plugin.settings.parse({}), pinnedIdentity: pinnedIdentity ?? "" };
      expect(await verdict(login, login.password, pinned)).toBe("verify.accepted");
      expect(await verdict(login)).toBe("verify.accepted");
      await target.restart({ certificates: true });
      expect(await verdict(login, login.password, pinned)).toBe("target.identity-mismatch");
      expect(await verdict(login)).toBe("target.identity-unknown");
      device = deviceOf();
      expect(await verdict(login)).toBe("verify.accepted");
    });

    it.each([{ tls: "maybe" }, { caCertificate: "no PEM" }, { passwordForm: "md5" }, { datbase: "x" }])(
      "settings that make no sense are refused: %o",
      (values) => {
        expect(plugin.settings.safeParse(values).success).toBe(false);
      },
    );
  });
});
