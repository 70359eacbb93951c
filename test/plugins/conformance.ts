/** One suite for every plugin, on a real server: what the worker relies on. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type CuttingProxy, startCuttingProxy } from "../helpers/cutting-proxy.ts";
import {
  attempt,
  type ConformanceTarget,
  expectClean,
  expectFailure,
  newCall,
  newLogin,
  newPassword,
  other,
  own,
  textsOf,
  withPassword,
} from "./conformance-target.ts";

/** How many bytes reach the device after the point of no return before the connection is cut. */
const CUTS = [0, 1, 40, 200, 1000];
const CONCURRENT = 8;
const WRONG_IDENTITY = `SHA256:${"A".repeat(43)}`;

/** Registers the suite in the present `describe`. */
export function testConformance(kind: string, start: (plugin: Plugin) => Promise<ConformanceTarget>): void {
  let target: ConformanceTarget;
  let proxy: CuttingProxy;
  let proxied: Device;
  const plugin = findPlugin(kind) as Plugin;

  beforeAll(async () => {
    target = await start(plugin);
    proxy = await startCuttingProxy(target.device.port ?? 0);
    proxied = { ...target.device, port: proxy.port };
  });
  afterEach(() => proxy.resume());
  afterAll(async () => {
    await proxy?.stop();
    await target?.stop();
  });

  async function account(over: { username?: string; password?: string } = {}): Promise<Login> {
    const login = newLogin(over);
    await target.newAccount(login);
    return login;
  }

  async function verdict(login: Login, password: Secret = login.password): Promise<string> {
    const call = newCall();
    const result = await plugin.verify(target.device, withPassword(login, password), call);
    expectClean(call.lines, [password]);
    return `${result.verdict} ${result.code}`;
  }

  /** Which of the passwords log in; each is tried once. */
  async function live(login: Login, passwords: readonly Secret[]): Promise<string[]> {
    // Clear texts: two secrets are equal for `toEqual`, whatever they hold.
    const found: string[] = [];
    for (const password of passwords) {
      const said = await verdict(login, password);
      expect(said).toMatch(/^(accepted verify\.accepted|rejected verify\.rejected)$/);
      if (said.startsWith("accepted")) found.push(password.reveal());
    }
    return found;
  }

  const run = (login: Login, change: ReturnType<typeof own>, device = target.device) =>
    attempt({ plugin, device, login, change });

  describe("changes", () => {
    it("an account's own password, and again", async () => {
      const login = await account();
      const [first, second] = [newPassword(), newPassword()];
      expect(await run(login, own(login, first))).toEqual({ asked: 1 });
      expect(await live(login, [first, login.password])).toEqual([first.reveal()]);
      const renewed = withPassword(login, first);
      expect(await run(renewed, own(renewed, second))).toEqual({ asked: 1 });
      expect(await live(login, [second, first])).toEqual([second.reveal()]);
    });

    it("passwords of others, several over one session", async () => {
      const logins = [await account(), await account()];
      const call = newCall();
      const session = await plugin.open(target.device, target.administrator, call);
      for (const login of [...logins, ...logins]) {
        const next = newPassword();
        await session.apply(other(login, next), newCall(), async () => {});
        expect(session.reusable()).toBe(true);
        expect(await live(login, [next, login.password])).toEqual([next.reveal()]);
      }
      await session.close();
      expect(session.reusable()).toBe(false);
    });

    it("accounts and passwords with odd characters", async () => {
      for (const username of target.oddUsernames) {
        const login = await account({ username });
        const next = newPassword();
        expect(await run(target.administrator, other(login, next))).toEqual({ asked: 1 });
        expect(await live(login, [next])).toEqual([next.reveal()]);
      }
      const login = await account();
      for (const text of target.oddPasswords) {
        const next = new Secret(text);
        expect(await run(target.administrator, other(login, next))).toEqual({ asked: 1 });
        expect(await live(login, [next])).toEqual([next.reveal()]);
      }
    });

    it("odd passwords of the account itself, one after the other", async () => {
      let login = await account();
      for (const text of target.oddPasswords) {
        const next = new Secret(text);
        expect(await run(login, own(login, next))).toEqual({ asked: 1 });
        login = withPassword(login, next);
        expect(await live(login, [next])).toEqual([next.reveal()]);
      }
    });

    it("many accounts at once, each right", async () => {
      const logins = await Promise.all(Array.from({ length: CONCURRENT }, () => account()));
      const changed = logins.map((login) => withPassword(login, newPassword()));
      const results = await Promise.all(
        changed.map((login) => run(target.administrator, other(login, login.password))),
      );
      expect(results).toEqual(logins.map(() => ({ asked: 1 })));
      for (const [index, login] of logins.entries()) {
        const next = changed[index]?.password ?? login.password;
        expect(await live(login, [next, login.password])).toEqual([next.reveal()]);
      }
    });

    it("one account at once from several sides: one password wins, and no loser claims it was not sent", async () => {
      const login = await account();
      const candidates = Array.from({ length: 4 }, newPassword);
      const results = await Promise.all(candidates.map((next) => run(target.administrator, other(login, next))));
      const possible = candidates.filter((_, index) => {
        const { error } = results[index] ?? {};
        return error === undefined || (error as { effect: string }).effect === "unknown";
      });
      const winners = await live(login, candidates);
      expect(winners).toHaveLength(1);
      expect(possible.map((password) => password.reveal())).toContain(winners[0]);
    });
  });

  describe("refuses, with nothing changed", () => {
    it("a wrong password of the account that logs in", async () => {
      const login = await account();
      const wrong = withPassword(login, newPassword());
      const { error, asked } = await run(wrong, own(wrong, newPassword()));
      expectFailure(error, { code: "auth.rejected", effect: "none" });
      expect(asked).toBe(0);
      expect(await verdict(wrong)).toBe("rejected verify.rejected");
      expect(await live(login, [login.password])).toEqual([login.password.reveal()]);
    });

    it("an account that does not exist, and does not make it", async () => {
      const login = newLogin();
      const { error } = await run(target.administrator, other(login, login.password));
      expectFailure(error, { code: "account.unknown", effect: "none" });
      expect(await verdict(login)).toBe("rejected verify.rejected");
    });

    it("an account without the right to change another", async () => {
      const [powerless, login] = [await account(), await account()];
      const next = newPassword();
      const { error } = await run(powerless, other(login, next));
      expectFailure(error, { code: "auth.not-permitted", effect: "none" });
      expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
    });

    it("a password that cannot be sent", async () => {
      const login = await account();
      for (const [from, change] of [
        [login, own(login, new Secret(target.impossiblePassword))],
        [target.administrator, other(login, new Secret(target.impossiblePassword))],
      ] as const) {
        const { error, asked } = await run(from, change);
        expectFailure(error, { code: "change.refused", effect: "none" });
        expect(asked).toBe(0);
      }
      expect(await live(login, [login.password])).toEqual([login.password.reveal()]);
    });

    it("to go past a point of no return that rejects, and passes its reason on", async () => {
      const login = await account();
      for (const [from, by] of [
        [login, own],
        [target.administrator, other],
      ] as const) {
        const next = newPassword();
        const reason = new Error("not yours any more");
        const { error, asked } = await attempt({
          plugin,
          device: target.device,
          login: from,
          change: by(login, next),
          pointOfNoReturn: () => Promise.reject(reason),
        });
        expect(error).toBe(reason);
        expect(asked).toBe(1);
        expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
      }
    });
  });

  describe("identity", () => {
    it("is read without a log-in, and what was read can be pinned", async () => {
      const seen = await plugin.identify(target.untrusted, newCall());
      expect(seen).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
      const session = await plugin.open(
        { ...target.untrusted, pinnedIdentity: seen ?? "" },
        target.administrator,
        newCall(),
      );
      await session.close();
    });

    it.each([
      ["unknown", "target.identity-unknown"],
      ["another than the pinned one", "target.identity-mismatch"],
    ] as const)("%s: nobody logs in", async (which, code) => {
      const device = which === "unknown" ? target.untrusted : { ...target.device, pinnedIdentity: WRONG_IDENTITY };
      const login = await account();
      const { error, asked } = await run(login, own(login, newPassword()), device);
      expectFailure(error, { code, effect: "none" });
      expect(asked).toBe(0);
      expect(await plugin.verify(device, login, newCall())).toEqual({ verdict: "unknown", code });
    });
  });

  it("a device that asks for no password proves none", async () => {
    const { device, username } = target.trusting;
    const login = newLogin({ username });
    expect(await plugin.verify(device, login, newCall())).toEqual({
      verdict: "unknown",
      code: "verify.no-password-asked",
    });
  });

  describe("a connection that is lost", () => {
    it("a device that is gone is unreachable", async () => {
      const login = await account();
      await proxy.refuse();
      const { error } = await run(login, own(login, newPassword()), proxied);
      expectFailure(error, { code: "target.unreachable", effect: "none" });
      expect(await plugin.verify(proxied, login, newCall())).toEqual({
        verdict: "unknown",
        code: "target.unreachable",
      });
      await proxy.accept();
    });

    it("a device that says nothing is given up in time", async () => {
      const login = await account();
      proxy.stall();
      const call = newCall({ connectTimeoutMs: 300, readTimeoutMs: 300 });
      const { error } = await attempt({ plugin, device: proxied, login, change: own(login, newPassword()), call });
      expectFailure(error, { code: "target.timeout", effect: "none" });
      expect(await plugin.verify(proxied, login, call)).toEqual({ verdict: "unknown", code: "target.timeout" });
    });

    it.each(CUTS.flatMap((bytes) => [["own", bytes] as const, ["other", bytes] as const]))(
      "%s: cut %i bytes after the point of no return, the old or the new password logs in",
      async (who, bytes) => {
        const login = await account();
        const next = newPassword();
        const { error, asked } = await attempt({
          plugin,
          device: proxied,
          login: who === "own" ? login : target.administrator,
          change: who === "own" ? own(login, next) : other(login, next),
          pointOfNoReturn: async () => proxy.cutAfter({ toDevice: bytes }),
        });
        proxy.resume();
        expect(asked).toBe(1);
        if (error !== undefined) expectFailure(error, { effect: "unknown" });
        await settled();
        const found = await live(login, [next, login.password]);
        expect(found).toHaveLength(1);
        if (error === undefined) expect(found).toEqual([next.reveal()]);
        if (bytes === 0) {
          expectFailure(error, { code: "target.connection-lost" });
          expect(found).toEqual([login.password.reveal()]);
        }
      },
    );

    it("cut at the device's first answer after the point of no return: the effect is unknown", async () => {
      const login = await account();
      const next = newPassword();
      const { error } = await attempt({
        plugin,
        device: proxied,
        login: target.administrator,
        change: other(login, next),
        pointOfNoReturn: async () => proxy.cutAfter({ fromDevice: 0 }),
      });
      proxy.resume();
      expectFailure(error, { code: "target.connection-lost", effect: "unknown" });
      await settled();
      expect(await live(login, [next, login.password])).toHaveLength(1);
    });

    it("cut while the point of no return is being asked: nothing arrives", async () => {
      const login = await account();
      const next = newPassword();
      const { error } = await attempt({
        plugin,
        device: proxied,
        login: target.administrator,
        change: other(login, next),
        pointOfNoReturn: async () => proxy.cut(),
      });
      expectFailure(error, { code: "target.connection-lost" });
      expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
    });
  });

  describe("stopped by its caller", () => {
    it("at the point of no return: nothing is sent", async () => {
      const login = await account();
      const next = newPassword();
      const stop = new AbortController();
      let before = 0;
      const { error } = await attempt({
        plugin,
        device: proxied,
        login: target.administrator,
        change: other(login, next),
        call: newCall({ signal: stop.signal }),
        pointOfNoReturn: async () => {
          before = proxy.sent;
          stop.abort();
        },
      });
      expectFailure(error, { code: "target.timeout", effect: "none" });
      expect(proxy.sent).toBe(before);
      expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
    });

    it("while the device is silent after the point of no return: it lets go at once, effect unknown", async () => {
      const login = await account();
      const next = newPassword();
      const stop = new AbortController();
      const { error } = await attempt({
        plugin,
        device: proxied,
        login: target.administrator,
        change: other(login, next),
        call: newCall({ signal: stop.signal }),
        pointOfNoReturn: async () => {
          proxy.stall();
          setTimeout(() => stop.abort(), 200);
        },
      });
      expectFailure(error, { code: "target.timeout", effect: "unknown" });
      proxy.cut();
      proxy.resume();
      expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
    });

    it("before it began: no connection is made", async () => {
      const login = await account();
      const before = proxy.sent;
      const call = newCall({ signal: AbortSignal.abort() });
      const error = await plugin.open(proxied, login, call).catch((reason: unknown) => reason);
      expectFailure(error, { code: "target.timeout", effect: "none" });
      expectClean(textsOf(error), [login.password]);
      expect(proxy.sent).toBe(before);
    });
  });

  /** Waits until what was sent can take effect no more. */
  async function settled(): Promise<void> {
    // Longer than a working device needs; the plugin's settle time is for one that stalls.
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
