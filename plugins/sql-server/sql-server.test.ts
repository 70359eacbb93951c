import { describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { readTemplate } from "../../templates/language/read.ts";
import { guard } from "../middleware/guard.ts";
import type { Call, Change, Device, Login } from "../plugin.ts";
import type { Connection, Driver, Row } from "./driver.ts";
import { failureOf, serverFailure } from "./failures.ts";
import { createSqlServer } from "./index.ts";
import { language } from "./language.ts";

const NEXT = new Secret("n3w-pass'word; --");
const OLD = new Secret("old-pass'word");
const device: Device = { address: "db.example", settings: { tls: "verify", database: "master" } };
const login: Login = { username: "keyturn", domain: "", additionalInfo: "", password: new Secret("login-secret") };

/** Stands in for the driver: it keeps what it is told. */
function fake(over: { logins?: readonly Row[]; connect?: number; execute?: number } = {}) {
  const asked: string[] = [];
  const seen = { connected: 0, destroyed: 0 };
  const connection: Connection = {
    async ask(_call, batch) {
      asked.push(batch);
      if (batch.includes("sys.sql_logins")) return over.logins ?? [{ name: "app", disabled: false, locked: 0 }];
      if (over.execute !== undefined && !batch.startsWith("SET")) throw serverFailure(over.execute);
      return [];
    },
    isOpen: () => true,
    close: async () => {},
    destroy: () => {
      seen.destroyed += 1;
    },
  };
  const driver: Driver = {
    async connect() {
      seen.connected += 1;
      if (over.connect !== undefined) throw serverFailure(over.connect);
      return connection;
    },
    identify: () => Promise.resolve("SHA256:x"),
  };
  return { plugin: guard(createSqlServer(driver)), asked, seen };
}

function newCall(): Call {
  return {
    connectTimeoutMs: 5000,
    readTimeoutMs: 5000,
    signal: AbortSignal.timeout(20_000),
    transcript: (line) => expect(line).not.toContain("n3w-"),
  };
}

async function change(over: Parameters<typeof fake>[0], how: Partial<Change> & { username?: string } = {}) {
  const { plugin, asked, seen } = fake(over);
  const { username = "app", ...rest } = how;
  const session = await plugin.open(device, login, newCall());
  let points = 0;
  const pass = async () => {
    points += asked.length;
  };
  const account = { username, domain: "", additionalInfo: "" };
  const full: Change = { account, next: NEXT, own: false, ...rest };
  const error = await session.apply(full, newCall(), pass).catch((reason: unknown) => reason);
  return { error, sent: asked, points, seen };
}

describe("the statement", () => {
  it("is of the login that was found, and comes after the point of no return", async () => {
    const { error, sent, points } = await change({});
    expect(error).toBeUndefined();
    expect(sent.at(-1)).toBe("ALTER LOGIN [app] WITH PASSWORD = N'n3w-pass''word; --'");
    expect(points).toBe(sent.length - 1);
  });

  it("carries any name", async () => {
    const name = `o'brien]; DROP LOGIN sa; --"`;
    const { sent } = await change({ logins: [{ name, disabled: false, locked: 0 }] }, { username: name });
    expect(sent.at(-2)).toContain(`WHERE name = N'o''brien]; DROP LOGIN sa; --"'`);
    expect(sent.at(-1)).toContain(`ALTER LOGIN [o'brien]]; DROP LOGIN sa; --"] WITH PASSWORD`);
  });

  it("says the old password where the login changes its own, and unlocks another one that is locked", async () => {
    const logins = [{ name: "app", disabled: false, locked: 1 }];
    expect((await change({ logins }, { own: true, current: OLD })).sent.at(-1)).toBe(
      "ALTER LOGIN [app] WITH PASSWORD = N'n3w-pass''word; --' OLD_PASSWORD = N'old-pass''word'",
    );
    expect((await change({ logins })).sent.at(-1)).toBe(
      "ALTER LOGIN [app] WITH PASSWORD = N'n3w-pass''word; --' UNLOCK",
    );
  });

  it("is not made of a password that cannot be sent", async () => {
    for (const text of ["", "two\nlines", "x".repeat(129)]) {
      const { error, points } = await change({}, { next: new Secret(text) });
      expect(error).toMatchObject({ code: "change.refused", effect: "none" });
      expect(points).toBe(0);
    }
  });

  it("is not made for a login that is not there or disabled", async () => {
    expect((await change({ logins: [] })).error).toMatchObject({ code: "account.unknown", effect: "none" });
    const disabled = { logins: [{ name: "app", disabled: true, locked: 0 }] };
    expect((await change(disabled)).error).toMatchObject({ code: "auth.locked", effect: "none" });
    expect((await change({}, { username: "a\0b" })).error).toMatchObject({ code: "account.unknown" });
  });

  it("comes from a template where there is one", async () => {
    const body = "EXEC sp_password @new = '[#NEW_PASSWORD#]', @loginame = '[#USERNAME#]'\nGO\nSELECT 1;";
    const { script } = readTemplate(body, language);
    const { sent } = await change({}, { script: { script, values: { USERNAME: "a'b", NEW_PASSWORD: NEXT } } });
    expect(sent.slice(1)).toEqual(["EXEC sp_password @new = 'n3w-pass''word; --', @loginame = 'a''b'", "SELECT 1"]);
  });
});

describe("an error of the server", () => {
  it.each([
    [15151, "auth.not-permitted", "none"],
    [15247, "auth.not-permitted", "none"],
    [15115, "change.refused", "none"],
    [15118, "change.refused", "none"],
    [33064, "change.refused", "none"],
    [1222, "target.busy", "none"],
    [596, "target.unexpected", "unknown"],
  ])("%i at the change is %s, effect %s; the session is over", async (execute, code, effect) => {
    const { error, seen } = await change({ execute });
    expect(error).toMatchObject({ code, effect });
    expect(seen.destroyed).toBeGreaterThan(0);
  });

  it.each([
    [18456, "rejected", "verify.rejected"],
    [18470, "unknown", "auth.locked"],
    [18486, "unknown", "auth.locked"],
    [18488, "unknown", "auth.must-change"],
    [4060, "unknown", "auth.not-permitted"],
    [40613, "unknown", "target.busy"],
  ])("%i at the log-in is %s %s, and is not tried again", async (connect, verdict, code) => {
    const { plugin, seen } = fake({ connect });
    expect(await plugin.verify(device, login, newCall())).toEqual({ verdict, code });
    expect(seen.connected).toBe(1);
  });

  it("is known by its number alone, whatever its text repeats", () => {
    const error = Object.assign(new Error(`near '${NEXT.reveal()}'`), { number: 102, code: "EREQUEST" });
    expect(failureOf(error)).toMatchObject({ code: "target.unexpected", refused: true });
    expect(failureOf(error).message).not.toContain("n3w-");
  });
});
