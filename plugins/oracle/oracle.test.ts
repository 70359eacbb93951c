import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { readTemplate } from "../../templates/language/read.ts";
import { guard } from "../middleware/guard.ts";
import type { Call, Change, Device, Login } from "../plugin.ts";
import type { Connection, Driver, Row, Target } from "./driver.ts";
import { createOracle } from "./index.ts";
import { language } from "./language.ts";

const SECRET = 'n3w-"pass';
const NEXT = new Secret("n3w-password'--;/*");
const OLD = new Secret("old-password;1");
const device: Device = { address: "db.example", settings: { tls: "off", serviceName: "PROD" } };
const login: Login = { username: "keyturn", domain: "", additionalInfo: "", password: new Secret("login-secret") };
const account = (username: string) => ({ username, domain: "", additionalInfo: "" });

/** What node-oracledb throws for an error of the server, with the statement in its text. */
function oraError(number: number): Error {
  const code = `ORA-${String(number).padStart(5, "0")}`;
  return Object.assign(new Error(`${code}: at ${NEXT.reveal()}`), { errorNum: number, code });
}

/** Stands in for the driver: it keeps what it is told. */
function fake(over: { users?: readonly string[]; connect?: Error; execute?: Error } = {}) {
  const asked: { sql: string; binds: object }[] = [];
  const targets: Target[] = [];
  const seen = { destroyed: 0 };
  const connection: Connection = {
    async ask(_call, sql, binds = {}): Promise<Row[]> {
      asked.push({ sql, binds });
      if (sql.startsWith("SELECT username")) return (over.users ?? ["SCOTT"]).map((name) => ({ NAME: name }));
      if (over.execute) throw over.execute;
      return [];
    },
    isOpen: () => true,
    close: async () => {},
    destroy: () => {
      seen.destroyed += 1;
    },
  };
  const driver: Driver = {
    async connect(target) {
      targets.push(target);
      if (over.connect) throw over.connect;
      return connection;
    },
  };
  return { plugin: guard(createOracle(driver)), asked, targets, seen };
}

function newCall(): Call & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    connectTimeoutMs: 5000,
    readTimeoutMs: 5000,
    signal: AbortSignal.timeout(20_000),
    transcript: (line) => lines.push(line),
    lines,
  };
}

async function change(over: Parameters<typeof fake>[0], how: Partial<Change> & { username?: string } = {}) {
  const { plugin, asked, seen } = fake(over);
  const call = newCall();
  const { username = "scott", ...rest } = how;
  const session = await plugin.open(device, login, call);
  let points = 0;
  const pass = async () => {
    points += asked.length;
  };
  const full: Change = { account: account(username), next: NEXT, own: false, ...rest };
  const error = await session.apply(full, call, pass).catch((reason: unknown) => reason);
  expect(JSON.stringify([call.lines, String(error), (error as Error | undefined)?.stack])).not.toContain("n3w-");
  return { error, sent: asked.map(({ sql }) => sql), points, seen };
}

describe("the statement", () => {
  it("is of the user as Oracle reads its name, and comes after the point of no return", async () => {
    const { error, sent, points } = await change({});
    expect(error).toBeUndefined();
    expect(sent.at(-1)).toBe(`ALTER USER "SCOTT" IDENTIFIED BY "${NEXT.reveal()}"`);
    expect(points).toBe(sent.length - 1);
  });

  it("keeps a name that only quotes can carry", async () => {
    const { sent } = await change({ users: ["odd'name; --"] }, { username: "odd'name; --" });
    expect(sent.at(-1)).toBe(`ALTER USER "odd'name; --" IDENTIFIED BY "${NEXT.reveal()}"`);
  });

  it("says the old password where the user changes its own", async () => {
    const { sent } = await change({}, { own: true, current: OLD });
    expect(sent.at(-1)).toBe(`ALTER USER "SCOTT" IDENTIFIED BY "${NEXT.reveal()}" REPLACE "${OLD.reveal()}"`);
  });

  it("is not made of what cannot be written in it", async () => {
    for (const text of [SECRET, "", "two\nlines", "x".repeat(31)]) {
      const { error, sent } = await change({}, { next: new Secret(text) });
      expect(error).toMatchObject({ code: "change.refused", effect: "none" });
      expect(sent).toEqual([]);
    }
  });

  it.each(['a"b', "a\0b", ""])("is not made for a user %o, nor for one that is not there", async (username) => {
    const { error, points } = await change({ users: [] }, { username });
    expect(error).toMatchObject({ code: "account.unknown", effect: "none" });
    expect(points).toBe(0);
    expect((await change({ users: [] })).error).toMatchObject({ code: "account.unknown" });
  });

  it("comes from a template where there is one", async () => {
    const body = "ALTER USER [#USERNAME#] IDENTIFIED BY [#NEW_PASSWORD#]\n/\nALTER USER [#USERNAME#] ACCOUNT UNLOCK;";
    const { script } = readTemplate(body, language);
    const { sent } = await change({}, { script: { script, values: { USERNAME: "scott", NEW_PASSWORD: NEXT } } });
    expect(sent).toEqual([`ALTER USER scott IDENTIFIED BY "${NEXT.reveal()}"`, "ALTER USER scott ACCOUNT UNLOCK"]);
  });
});

describe("an error of the server", () => {
  it.each([
    [1031, "auth.not-permitted", "none"],
    [1918, "account.unknown", "none"],
    [28003, "change.refused", "none"],
    [28007, "change.refused", "none"],
    [28008, "auth.rejected", "none"],
    [28221, "target.unexpected", "none"],
    [54, "target.busy", "none"],
    [3113, "target.connection-lost", "unknown"],
    [600, "target.unexpected", "unknown"],
  ])("ORA-%i at the change is %s, effect %s; the session is over", async (number, code, effect) => {
    const { error, seen } = await change({ execute: oraError(number) });
    expect(error).toMatchObject({ code, effect });
    expect(seen.destroyed).toBeGreaterThan(0);
  });

  it.each([
    [oraError(1017), "rejected", "verify.rejected"],
    [oraError(28000), "unknown", "auth.locked"],
    [oraError(28001), "unknown", "auth.must-change"],
    [oraError(1045), "unknown", "auth.not-permitted"],
    [oraError(12514), "unknown", "target.unexpected"],
    [Object.assign(new Error("NJS-503: x"), { code: "NJS-503" }), "unknown", "target.unreachable"],
    [Object.assign(new Error("NJS-506: x"), { code: "NJS-506" }), "unknown", "target.identity-unknown"],
    [Object.assign(new Error("NJS-510: x"), { code: "NJS-510" }), "unknown", "target.timeout"],
    [new Error("boom"), "unknown", "target.unexpected"],
  ])("%o at the log-in", async (connect, verdict, code) => {
    const { plugin, targets } = fake({ connect });
    expect(await plugin.verify(device, login, newCall())).toEqual({ verdict, code });
    // A wrong password is tried once.
    expect(targets).toHaveLength(1);
  });
});

describe("the log-in", () => {
  const SEALED: Device = { address: "db.example", port: 2999, settings: { tls: "verify" } };

  it("goes to the service of the credential, else of the device, and says the name as it was given", async () => {
    const { plugin, targets } = fake();
    await plugin.verify(SEALED, { ...login, additionalInfo: "XEPDB1" }, newCall());
    await plugin.verify(device, { ...login, username: "Odd Name" }, newCall());
    expect(targets.map(({ user }) => user)).toEqual(["keyturn", '"Odd Name"']);
    expect(targets[0]?.connectString).toContain("(PROTOCOL=tcps)(HOST=db.example)(PORT=2999)");
    expect(targets[0]?.connectString).toContain("(SERVICE_NAME=XEPDB1)");
    expect(targets[0]?.connectString).toContain("(SSL_SERVER_DN_MATCH=ON)");
    expect(targets[1]?.connectString).toContain("(PROTOCOL=tcp)(HOST=db.example)(PORT=1521)");
    expect(targets[1]?.connectString).toContain("(SERVICE_NAME=PROD)");
  });

  it.each(["", "a)(HOST=evil.example", "a b"])("does not go to a service %o", async (additionalInfo) => {
    const { plugin, targets } = fake();
    const verdict = await plugin.verify(SEALED, { ...login, additionalInfo }, newCall());
    expect(verdict).toEqual({ verdict: "unknown", code: "target.unexpected" });
    expect(targets).toEqual([]);
  });
});
