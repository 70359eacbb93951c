/** One suite for every plugin, on a real server: what the worker relies on. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Change, Device, Login, Plugin, Session } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type CuttingProxy, startCuttingProxy } from "../helpers/cutting-proxy.ts";
import type { CaseName, Conformance } from "./conformance-cases.ts";
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

/** Registers the suite in the present `describe`: every case but those that the protocol cannot have. */
export function testConformance({ kind, leftOut, oneAccount, start }: Conformance): void {
  let target: ConformanceTarget;
  const plugin = findPlugin(kind) as Plugin;
  const { ownAccount, otherAccount } = plugin.capabilities;
  const sideBySide = { concurrent: !oneAccount };

  /**
   * Registers a case, unless it is left out. The table of the plugins is made from these names. Cases run side by side,
   * as changes do: each has accounts of its own where the device has any, and mostly waits for it.
   */
  function conforms(name: CaseName, title: string, test: () => Promise<void>): void {
    if (leftOut?.[name] === undefined) it(`${title} [${name}]`, sideBySide, test);
  }

  beforeAll(async () => {
    target = await start(plugin);
  });
  afterAll(() => target?.stop());

  /** The same for a case that needs the device behind a proxy; the proxy is its own. */
  function conformsBehindProxy(
    name: CaseName,
    title: string,
    test: (proxy: CuttingProxy, proxied: Device) => Promise<void>,
  ): void {
    conforms(name, title, async () => {
      const proxy = await startCuttingProxy(target.device.port ?? 0);
      try {
        await test(proxy, { ...target.device, port: proxy.port });
      } finally {
        proxy.resume();
        await proxy.stop();
      }
    });
  }

  const secret = () => target.newSecret?.() ?? newPassword();

  let making: Promise<unknown> = Promise.resolve();
  async function account(over: { username?: string; password?: string } = {}): Promise<Login> {
    const login = withPassword(newLogin(over), over.password ? new Secret(over.password) : secret());
    // One after the other: tools that make accounts wait whole seconds for the lock of their file.
    const made = making.then(() => target.newAccount(login));
    making = made.catch(() => undefined);
    await made;
    return login;
  }

  async function verdict(login: Login, password: Secret = login.password): Promise<string> {
    const call = newCall();
    const asked = withPassword(login, password);
    const result = await plugin.verify(target.device, asked, call, target.script?.(asked));
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

  const run = (login: Login, change: Change, device = target.device) =>
    attempt({ plugin, device, login, change: scripted(login, change) });

  /** The change with what the plugin's template says, where it takes one. */
  function scripted(login: Login, change: Change): Change {
    const script = target.script?.(login, change);
    return script ? { ...change, script } : change;
  }

  /** Who logs in for which change: each way in which the plugin can make it, another account's first. */
  function ways(login: Login, next: Secret): { login: Login; change: Change }[] {
    const { administrator } = target;
    return [
      ...(otherAccount ? [{ login: administrator, change: scripted(administrator, other(login, next)) }] : []),
      ...(ownAccount ? [{ login, change: scripted(login, own(login, next)) }] : []),
    ];
  }

  /** One change of the account, however the plugin makes it. */
  function way(login: Login, next: Secret): { login: Login; change: Change } {
    const [first] = ways(login, next);
    if (!first) throw new Error("the plugin changes no password");
    return first;
  }

  function runAny(login: Login, next: Secret, device: Device) {
    const by = way(login, next);
    return run(by.login, by.change, device);
  }

  describe("changes", sideBySide, () => {
    conforms("own", "an account's own password, and again", async () => {
      const login = await account();
      const [first, second] = [secret(), secret()];
      expect(await run(login, own(login, first))).toEqual({ asked: 1 });
      expect(await live(login, [first, login.password])).toEqual([first.reveal()]);
      const renewed = withPassword(login, first);
      expect(await run(renewed, own(renewed, second))).toEqual({ asked: 1 });
      expect(await live(login, [second, first])).toEqual([second.reveal()]);
    });

    conforms("others", "passwords of others, several over one session", async () => {
      const logins = [await account(), await account()];
      const call = newCall();
      const open = (change: Change) => plugin.open(target.device, target.administrator, call, change.script);
      let session: Session | undefined;
      for (const login of [...logins, ...logins]) {
        const next = secret();
        const change = scripted(target.administrator, other(login, next));
        session ??= await open(change);
        await session.apply(change, newCall(), async () => {});
        expect(session.reusable()).toBe(target.keepsSessions);
        expect(await live(login, [next, login.password])).toEqual([next.reveal()]);
        if (session.reusable()) continue;
        await session.close();
        session = undefined;
      }
      await session?.close();
      if (session) expect(session.reusable()).toBe(false);
    });

    conforms("odd", "accounts and passwords with odd characters", async () => {
      const named = target.oddUsernames.map(async (username) => {
        const login = await account({ username });
        const next = secret();
        const by = way(login, next);
        expect(await run(by.login, by.change)).toEqual({ asked: 1 });
        expect(await live(login, [next])).toEqual([next.reveal()]);
      });
      await Promise.all(named);
      let login = await account();
      for (const text of target.oddPasswords) {
        const next = new Secret(text);
        const by = way(login, next);
        expect(await run(by.login, by.change)).toEqual({ asked: 1 });
        login = withPassword(login, next);
        expect(await live(login, [next])).toEqual([next.reveal()]);
      }
    });

    conforms("odd-own", "odd passwords of the account itself, one after the other", async () => {
      let login = await account();
      for (const text of target.oddPasswords) {
        const next = new Secret(text);
        expect(await run(login, own(login, next))).toEqual({ asked: 1 });
        login = withPassword(login, next);
        expect(await live(login, [next])).toEqual([next.reveal()]);
      }
    });

    conforms("many", "many accounts at once, each right", async () => {
      const logins = await Promise.all(Array.from({ length: CONCURRENT }, () => account()));
      const changed = logins.map((login) => withPassword(login, secret()));
      const results = await Promise.all(
        logins.map((login, index) => {
          const by = way(login, changed[index]?.password ?? login.password);
          return run(by.login, by.change);
        }),
      );
      expect(results).toEqual(logins.map(() => ({ asked: 1 })));
      for (const [index, login] of logins.entries()) {
        const next = changed[index]?.password ?? login.password;
        expect(await live(login, [next, login.password])).toEqual([next.reveal()]);
      }
    });

    conforms(
      "race",
      "one account at once from several sides: one password wins, and no loser claims it was not sent",
      async () => {
        const login = await account();
        const candidates = Array.from({ length: 4 }, secret);
        const results = await Promise.all(
          candidates.map((next) => {
            const by = way(login, next);
            return run(by.login, by.change);
          }),
        );
        const possible = candidates.filter((_, index) => {
          const { error } = results[index] ?? {};
          return error === undefined || (error as { effect: string }).effect === "unknown";
        });
        const winners = await live(login, candidates);
        expect(winners).toHaveLength(1);
        expect(possible.map((password) => password.reveal())).toContain(winners[0]);
      },
    );
  });

  describe("refuses, with nothing changed", sideBySide, () => {
    conforms("wrong-password", "a wrong password of the account that logs in", async () => {
      const login = await account();
      const wrong = withPassword(login, secret());
      const change = ownAccount ? own(wrong, secret()) : other(await account(), secret());
      const { error, asked } = await run(wrong, change);
      expectFailure(error, { code: "auth.rejected", effect: "none" });
      expect(asked).toBe(0);
      expect(await verdict(wrong)).toBe("rejected verify.rejected");
      expect(await live(login, [login.password])).toEqual([login.password.reveal()]);
    });

    conforms("unknown-account", "an account that does not exist, and does not make it", async () => {
      const login = withPassword(newLogin(), secret());
      const { error } = await run(target.administrator, other(login, login.password));
      expectFailure(error, { code: "account.unknown", effect: "none" });
      expect(await verdict(login)).toBe("rejected verify.rejected");
    });

    conforms("no-right", "an account without the right to change another", async () => {
      const [powerless, login] = [await account(), await account()];
      const next = secret();
      const { error } = await run(powerless, other(login, next));
      expectFailure(error, { code: "auth.not-permitted", effect: "none" });
      expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
    });

    conforms("impossible-password", "a password that cannot be sent", async () => {
      const login = await account();
      for (const by of ways(login, new Secret(target.impossiblePassword))) {
        const { error, asked } = await run(by.login, by.change);
        expectFailure(error, { code: "change.refused", effect: "none" });
        expect(asked).toBe(0);
      }
      expect(await live(login, [login.password])).toEqual([login.password.reveal()]);
    });

    conforms("lost-point", "to go past a point of no return that rejects, and passes its reason on", async () => {
      const login = await account();
      const next = secret();
      for (const by of ways(login, next)) {
        const reason = new Error("not yours any more");
        const { error, asked } = await attempt({
          plugin,
          device: target.device,
          ...by,
          pointOfNoReturn: () => Promise.reject(reason),
        });
        expect(error).toBe(reason);
        expect(asked).toBe(1);
        expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
      }
    });
  });

  const hasIdentity = leftOut?.identity === undefined || leftOut["wrong-identity"] === undefined;
  if (hasIdentity)
    describe("identity", sideBySide, () => {
      conforms("identity", "is read without a log-in, and what was read can be pinned", async () => {
        const seen = await plugin.identify(target.untrusted, newCall());
        expect(seen).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
        const session = await plugin.open(
          { ...target.untrusted, pinnedIdentity: seen ?? "" },
          target.administrator,
          newCall(),
          target.script?.(target.administrator),
        );
        await session.close();
      });

      for (const [which, code] of [
        ["unknown", "target.identity-unknown"],
        ["another than the pinned one", "target.identity-mismatch"],
      ] as const)
        conforms("wrong-identity", `${which}: nobody logs in`, async () => {
          const device = which === "unknown" ? target.untrusted : { ...target.device, pinnedIdentity: WRONG_IDENTITY };
          const login = await account();
          const { error, asked } = await runAny(login, secret(), device);
          expectFailure(error, { code, effect: "none" });
          expect(asked).toBe(0);
          expect(await plugin.verify(device, login, newCall(), target.script?.(login))).toEqual({
            verdict: "unknown",
            code,
          });
        });
    });

  conforms("trusting", "a device that asks for no password proves none", async () => {
    const { device, username } = target.trusting;
    const login = withPassword(newLogin({ username }), secret());
    expect(await plugin.verify(device, login, newCall(), target.script?.(login))).toEqual({
      verdict: "unknown",
      code: "verify.no-password-asked",
    });
  });

  describe("a connection that is lost", sideBySide, () => {
    conformsBehindProxy("unreachable", "a device that is gone is unreachable", async (proxy, proxied) => {
      const login = await account();
      await proxy.refuse();
      const { error } = await runAny(login, secret(), proxied);
      expectFailure(error, { code: "target.unreachable", effect: "none" });
      expect(await plugin.verify(proxied, login, newCall(), target.script?.(login))).toEqual({
        verdict: "unknown",
        code: "target.unreachable",
      });
    });

    conformsBehindProxy("silent", "a device that says nothing is given up in time", async (proxy, proxied) => {
      const login = await account();
      proxy.stall();
      const call = newCall({ connectTimeoutMs: 300, readTimeoutMs: 300 });
      const { error } = await attempt({ plugin, device: proxied, ...way(login, secret()), call });
      expectFailure(error, { code: "target.timeout", effect: "none" });
      expect(await plugin.verify(proxied, login, call, target.script?.(login))).toEqual({
        verdict: "unknown",
        code: "target.timeout",
      });
    });

    const sides = [...(ownAccount ? ["own" as const] : []), ...(otherAccount ? ["other" as const] : [])];
    for (const [who, bytes] of CUTS.flatMap((cut) => sides.map((way) => [way, cut] as const)))
      conformsBehindProxy(
        "cut",
        `${who}: cut ${bytes} bytes after the point of no return, the old or the new password logs in`,
        async (proxy, proxied) => {
          const login = await account();
          const next = secret();
          const { error, asked } = await attempt({
            plugin,
            device: proxied,
            ...(who === "own" ? { login, change: scripted(login, own(login, next)) } : way(login, next)),
            pointOfNoReturn: async () => proxy.cutAfter({ toDevice: bytes }),
          });
          proxy.resume();
          expect(asked).toBe(1);
          if (error !== undefined) expectFailure(error, { effect: "unknown" });
          const found = await settled(login, [next, login.password]);
          if (error === undefined) expect(found).toEqual([next.reveal()]);
          if (bytes === 0) {
            expectFailure(error, { code: "target.connection-lost" });
            expect(found).toEqual([login.password.reveal()]);
          }
        },
      );

    conformsBehindProxy(
      "cut-answer",
      "cut at the device's first answer after the point of no return: the effect is unknown",
      async (proxy, proxied) => {
        const login = await account();
        const next = secret();
        const { error } = await attempt({
          plugin,
          device: proxied,
          ...way(login, next),
          pointOfNoReturn: async () => proxy.cutAfter({ fromDevice: 0 }),
        });
        proxy.resume();
        expectFailure(error, { code: "target.connection-lost", effect: "unknown" });
        await settled(login, [next, login.password]);
      },
    );

    conformsBehindProxy(
      "cut-at-point",
      "cut while the point of no return is being asked: nothing arrives",
      async (proxy, proxied) => {
        const login = await account();
        const next = secret();
        const { error } = await attempt({
          plugin,
          device: proxied,
          ...way(login, next),
          pointOfNoReturn: async () => proxy.cut(),
        });
        expectFailure(error, { code: "target.connection-lost" });
        expect(await live(login, [login.password, next])).toEqual([login.password.reveal()]);
      },
    );
  });

  describe("stopped by its caller", sideBySide, () => {
    conformsBehindProxy("stop-at-point", "at the point of no return: nothing is sent", async (proxy, proxied) => {
      const login = await account();
      const next = secret();
      const stop = new AbortController();
      let before = 0;
      const { error } = await attempt({
        plugin,
        device: proxied,
        ...way(login, next),
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

    conformsBehindProxy(
      "stop-silent",
      "while the device is silent after the point of no return: it lets go at once, effect unknown",
      async (proxy, proxied) => {
        const login = await account();
        const next = secret();
        const stop = new AbortController();
        const { error } = await attempt({
          plugin,
          device: proxied,
          ...way(login, next),
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
      },
    );

    conformsBehindProxy("stop-before", "before it began: no connection is made", async (proxy, proxied) => {
      const login = await account();
      const before = proxy.sent;
      const call = newCall({ signal: AbortSignal.abort() });
      const error = await plugin.open(proxied, login, call, target.script?.(login)).catch((reason: unknown) => reason);
      expectFailure(error, { code: "target.timeout", effect: "none" });
      expectClean(textsOf(error), [login.password]);
      expect(proxy.sent).toBe(before);
    });
  });

  /** Which one of the passwords logs in when what was sent can take effect no more. */
  async function settled(login: Login, passwords: readonly Secret[]): Promise<string[]> {
    let found: string[] = [];
    // The pause is what a working device mostly needs beside all others; the plugin's settle time is for one that stalls.
    // One that takes longer may change the password between two looks: then neither logged in. Few looks, as each is a
    // wrong password that a device may count.
    for (let looks = 0; looks < 3 && found.length !== 1; looks += 1) {
      await new Promise((resolve) => setTimeout(resolve, 1000 * (1 + 2 * looks)));
      found = await live(login, passwords);
    }
    expect(found).toHaveLength(1);
    return found;
  }
}
