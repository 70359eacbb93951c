/** What only PostgreSQL does: each case on a real server. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { LIMIT_MS } from "../../plugins/postgresql/deadline.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type PostgresTarget, startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { type CuttingProxy, startCuttingProxy } from "../helpers/cutting-proxy.ts";
import {
  attempt,
  expectFailure,
  newCall,
  newLogin,
  newPassword,
  other,
  own,
  withPassword,
} from "./conformance-target.ts";

const HBA = [
  "host all barred 127.0.0.1/32 reject",
  "hostssl all trusted 127.0.0.1/32 trust",
  "hostssl all in_clear 127.0.0.1/32 password",
  "hostnossl all in_clear 127.0.0.1/32 password",
  "hostnossl all hashed 127.0.0.1/32 md5",
  "host all all 127.0.0.1/32 scram-sha-256",
];

const plugin = findPlugin("postgresql") as Plugin;
const settings = (values: Record<string, unknown>) => plugin.settings.parse(values);
let target: PostgresTarget;
let proxy: CuttingProxy;
let device: Device;
let administrator: Login;

beforeAll(async () => {
  target = await startPostgresTarget({
    hba: HBA,
    settings: { scram_iterations: 8192, session_preload_libraries: "passwordcheck" },
  });
  proxy = await startCuttingProxy(target.port);
  device = { address: target.address, port: target.port, settings: settings({ caCertificate: target.ca }) };
  administrator = newLogin(target.administrator);
});
afterEach(() => proxy.resume());
afterAll(async () => {
  await proxy?.stop();
  await target?.stop();
});

async function account(options = "", username?: string): Promise<Login> {
  const login = newLogin(username === undefined ? {} : { username });
  await target.createRoles([{ name: login.username, password: login.password.reveal(), options }]);
  return login;
}

async function verdict(login: Login, password = login.password, on = device): Promise<string> {
  const { verdict: said, code } = await plugin.verify(on, withPassword(login, password), newCall());
  return `${said} ${code}`;
}

async function expectOld(login: Login, next: Secret): Promise<void> {
  expect(await verdict(login, next)).toBe("rejected verify.rejected");
  expect(await verdict(login)).toBe("accepted verify.accepted");
}

describe("a change that comes late is refused by the server itself", () => {
  const LATE_MS = LIMIT_MS + 500;
  const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

  it("when the worker slept behind the point of no return", async () => {
    const login = await account();
    const next = newPassword();
    const change = other(login, next);
    const pointOfNoReturn = () => pause(LATE_MS);
    const { error } = await attempt({ plugin, device, login: administrator, change, pointOfNoReturn });
    expectFailure(error, { code: "target.timeout", effect: "none" });
    await expectOld(login, next);
  });

  it("when the network held it back", async () => {
    const login = await account();
    const next = newPassword();
    const { error } = await attempt({
      plugin,
      device: { ...device, port: proxy.port },
      login: administrator,
      change: other(login, next),
      pointOfNoReturn: async () => {
        proxy.stall();
        setTimeout(proxy.resume, LATE_MS);
      },
    });
    expectFailure(error, { code: "target.timeout", effect: "none" });
    await expectOld(login, next);
  });

  it("when the server's process was stopped", async () => {
    const login = await account();
    const next = newPassword();
    const { error } = await attempt({
      plugin,
      device,
      login: administrator,
      change: other(login, next),
      pointOfNoReturn: async () => {
        const [row] = await target.run(
          "SELECT pid FROM pg_stat_activity WHERE application_name = 'keyturn' ORDER BY backend_start DESC",
        );
        process.kill(Number(row?.["pid"]), "SIGSTOP");
        setTimeout(() => process.kill(Number(row?.["pid"]), "SIGCONT"), LATE_MS);
      },
    });
    expectFailure(error, { code: "target.timeout", effect: "none" });
    await expectOld(login, next);
  });

  it("when another session holds the role", async () => {
    const login = await account();
    const next = newPassword();
    const holder = new pg.Client({
      host: target.address,
      port: target.port,
      user: target.administrator.username,
      password: target.administrator.password,
      database: "postgres",
    });
    await holder.connect();
    await holder.query(`BEGIN; ALTER ROLE ${pg.escapeIdentifier(login.username)} CONNECTION LIMIT 9`);
    const { error } = await attempt({ plugin, device, login: administrator, change: other(login, next) });
    await holder.query("ROLLBACK");
    await holder.end();
    expectFailure(error, { code: "target.timeout", effect: "none" });
    await expectOld(login, next);
  });
});

describe("what the server learns", () => {
  it("is a verifier with its own number of rounds, never the password", async () => {
    const login = await account();
    const next = newPassword();
    await attempt({ plugin, device, login, change: own(login, next) });
    expect(await verdict(login, next)).toBe("accepted verify.accepted");
    const log = await readFile(target.log, "utf8");
    // Not the text itself: a failure would print the whole log.
    expect(log.includes(`ALTER ROLE "${login.username}" PASSWORD 'SCRAM-SHA-256$8192:`)).toBe(true);
    expect(log.includes(next.reveal())).toBe(false);
    expect(log.includes(login.password.reveal())).toBe(false);
  });

  it("is no password in clear text or MD5 unless the connection is encrypted", async () => {
    const login = await account("", "in_clear");
    expect(await verdict(login)).toBe("accepted verify.accepted");
    const open = { ...device, settings: settings({ tls: "off" }) };
    expect(await verdict(login, login.password, open)).toBe("unknown target.unexpected");
    const hashed = newLogin({ username: "hashed" });
    await target.run(
      `SET password_encryption = 'md5'; CREATE ROLE hashed LOGIN PASSWORD '${hashed.password.reveal()}'`,
    );
    expect(await verdict(hashed, hashed.password, open)).toBe("unknown target.unexpected");
  });
});

it("an account with CREATEROLE changes a role that was given to it, and no other", async () => {
  const [manager, given, stranger] = [await account("CREATEROLE"), await account(), await account()];
  await target.run(
    `GRANT ${pg.escapeIdentifier(given.username)} TO ${pg.escapeIdentifier(manager.username)} WITH ADMIN OPTION`,
  );
  const next = newPassword();
  expect(await attempt({ plugin, device, login: manager, change: other(given, next) })).toEqual({ asked: 1 });
  expect(await verdict(given, next)).toBe("accepted verify.accepted");
  const { error } = await attempt({ plugin, device, login: manager, change: other(stranger, next) });
  expectFailure(error, { code: "auth.not-permitted", effect: "none" });
  await expectOld(stranger, next);
});

describe("log-ins that are refused", () => {
  it("NOLOGIN: the password is told right from wrong, and nobody logs in", async () => {
    const login = await account();
    await target.run(`ALTER ROLE ${pg.escapeIdentifier(login.username)} NOLOGIN`);
    expect(await verdict(login)).toBe("accepted verify.account-expired");
    expect(await verdict(login, newPassword())).toBe("rejected verify.rejected");
    const { error } = await attempt({ plugin, device, login, change: own(login, newPassword()) });
    expectFailure(error, { code: "auth.locked", effect: "none" });
  });

  it("VALID UNTIL has passed: looks like a wrong password, so no change is begun", async () => {
    const login = await account("VALID UNTIL '2001-01-01'");
    expect(await verdict(login)).toBe("rejected verify.rejected");
    const { error, asked } = await attempt({
      plugin,
      device,
      login: administrator,
      change: other(login, newPassword()),
    });
    expectFailure(error, { code: "auth.expired", effect: "none" });
    expect(asked).toBe(0);
  });

  it("no connection is free for the role: the password is proven all the same", async () => {
    const login = await account("CONNECTION LIMIT 0");
    expect(await verdict(login)).toBe("accepted verify.accepted");
    expect(await verdict(login, newPassword())).toBe("rejected verify.rejected");
    const { error } = await attempt({ plugin, device, login, change: own(login, newPassword()) });
    expectFailure(error, { code: "target.busy", effect: "none" });
  });

  it("no such database: the same", async () => {
    const login = await account();
    const elsewhere = { ...device, settings: settings({ caCertificate: target.ca, database: "nowhere" }) };
    expect(await verdict(login, login.password, elsewhere)).toBe("accepted verify.accepted");
    const { error } = await attempt({ plugin, device: elsewhere, login, change: own(login, newPassword()) });
    expectFailure(error, { code: "target.unexpected", effect: "none" });
  });

  it("pg_hba.conf bars the account: nothing is known of the password", async () => {
    const login = await account("", "barred");
    expect(await verdict(login)).toBe("unknown auth.not-permitted");
  });

  it("a name that no role can have", async () => {
    expect(await verdict(newLogin({ username: "a\0user\0postgres" }))).toBe("unknown account.unknown");
    expect(await verdict(newLogin({ username: "" }))).toBe("unknown account.unknown");
  });
});

describe("a server that only pretends to check", () => {
  const SASL = Buffer.concat([Buffer.from([82, 0, 0, 0, 23, 0, 0, 0, 10]), Buffer.from("SCRAM-SHA-256\0\0")]);
  const OK_AND_READY = Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 0, 90, 0, 0, 0, 5, 73]);
  const FORGED_PROOF = Buffer.concat([Buffer.from([82, 0, 0, 0, 14, 0, 0, 0, 12]), Buffer.from("v=AAAA")]);
  const firstMessage = (answer: Buffer) => {
    const nonce = /r=(.*)$/.exec(answer.toString("latin1"))?.[1] ?? "";
    const text = Buffer.from(`r=${nonce}more,s=${Buffer.from("salt").toString("base64")},i=4096`);
    const head = Buffer.from([82, 0, 0, 0, 0, 0, 0, 0, 11]);
    head.writeInt32BE(8 + text.length, 1);
    return Buffer.concat([head, text]);
  };

  it.each([
    ["skips the proof", () => OK_AND_READY, "verify.no-password-asked"],
    ["skips its own proof", firstMessage, "verify.no-password-asked"],
    ["forges its proof", firstMessage, "target.unexpected"],
  ] as const)("%s", async (how, afterResponse, code) => {
    const last = how === "forges its proof" ? Buffer.concat([FORGED_PROOF, OK_AND_READY]) : OK_AND_READY;
    const answers = [() => SASL, afterResponse, () => last];
    const server = createServer((socket) => {
      let at = 0;
      socket.on("error", () => {});
      socket.on("data", (data) => socket.write(answers[at++]?.(data) ?? ""));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const rogue = { address: "127.0.0.1", port, settings: settings({ tls: "off" }) };
    expect(await verdict(newLogin(), newPassword(), rogue)).toBe(`unknown ${code}`);
    server.close();
  });
});

describe("changes that are refused", () => {
  it("an account that was let in without its password cannot prove the new one", async () => {
    const login = await account("", "trusted");
    const { error, asked } = await attempt({ plugin, device, login, change: own(login, newPassword()) });
    expectFailure(error, { code: "verify.no-password-asked", effect: "none" });
    expect(asked).toBe(0);
  });

  it("a password that the server's own check refuses", async () => {
    const login = await account();
    const next = new Secret(login.username);
    const change = other(login, next);
    const { error, asked } = await attempt({ plugin, device, login: administrator, change });
    expectFailure(error, { code: "change.refused", effect: "none" });
    expect(asked).toBe(1);
    await expectOld(login, next);
  });

  it("a longer name never hits the role that its first 63 bytes name", async () => {
    const login = await account("", "z".repeat(63));
    const next = newPassword();
    const longer = { ...login, username: `${login.username}z` };
    const { error } = await attempt({ plugin, device, login: administrator, change: other(longer, next) });
    expectFailure(error, { code: "account.unknown", effect: "none" });
    await expectOld(login, next);
  });

  it("a name with a NUL", async () => {
    const change = other(newLogin({ username: "a\0b" }), newPassword());
    const { error } = await attempt({ plugin, device, login: administrator, change });
    expectFailure(error, { code: "account.unknown", effect: "none" });
  });
});

describe("TLS", () => {
  it("can be off, and then there is no identity", async () => {
    const login = await account();
    const open = { ...device, settings: settings({ tls: "off" }) };
    expect(await verdict(login, login.password, open)).toBe("accepted verify.accepted");
    expect(await plugin.identify(open, newCall())).toBeUndefined();
  });

  it("checks the name in the certificate", async () => {
    const login = await account();
    const named = (serverName: string) => ({ ...device, settings: settings({ caCertificate: target.ca, serverName }) });
    expect(await verdict(login, login.password, named("localhost"))).toBe("accepted verify.accepted");
    expect(await verdict(login, login.password, named("db.example"))).toBe("unknown target.identity-unknown");
  });

  it("is not given up when the server offers none", async () => {
    const login = await account();
    await target.run("ALTER SYSTEM SET ssl = off");
    await target.run("SELECT pg_reload_conf()");
    await expect.poll(() => verdict(login)).toBe("unknown target.unexpected");
    const open = { ...device, settings: settings({ tls: "off" }) };
    const session = await plugin.open(open, administrator, newCall());
    await session.close();
    await reopenTls();
    await expect.poll(() => verdict(login)).toBe("accepted verify.accepted");
  });

  async function reopenTls(): Promise<void> {
    const client = new pg.Client({
      host: target.address,
      port: target.port,
      user: target.administrator.username,
      password: target.administrator.password,
      database: "postgres",
    });
    await client.connect();
    await client.query("ALTER SYSTEM SET ssl = on");
    await client.query("SELECT pg_reload_conf()");
    await client.end();
  }

  it.each([{ tls: "maybe" }, { caCertificate: "no PEM" }, { databse: "x" }, { database: "" }])(
    "settings that make no sense are refused: %o",
    (values) => {
      expect(plugin.settings.safeParse(values).success).toBe(false);
    },
  );
});

it("a session whose server died says so, and the next one works", async () => {
  const login = await account();
  const session = await plugin.open(device, administrator, newCall());
  await target.kill();
  await target.start();
  const next = newPassword();
  const failed = await session.apply(other(login, next), newCall(), async () => {}).catch((error: unknown) => error);
  expectFailure(failed, { code: "target.connection-lost", effect: "none" });
  expect(session.reusable()).toBe(false);
  expect(await attempt({ plugin, device, login: administrator, change: other(login, next) })).toEqual({ asked: 1 });
  expect(await verdict(login, next)).toBe("accepted verify.accepted");
});
