import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { BoundScript } from "../../templates/language/script.ts";
import { Secret } from "../../contracts/secret.ts";
import {
  type Call,
  type Change,
  type Device,
  type Login,
  type Plugin,
  PluginFailure,
  type Session,
} from "../plugin.ts";
import { guard } from "./guard.ts";

const SECRET = "login-secret-1";
const NEXT = "next-secret-22";
const CURRENT = "current-secret-3";
const account = { username: "u", domain: "", additionalInfo: "" };
const login: Login = { ...account, password: new Secret(SECRET) };
const change: Change = { account, current: new Secret(CURRENT), next: new Secret(NEXT), own: true };
const device: Device = { address: "127.0.0.1", settings: {} };

interface Behaviour {
  apply?: Session["apply"];
  rehearse?: NonNullable<Session["rehearse"]>;
  open?: () => Promise<void>;
  verify?: Plugin["verify"];
  save?: NonNullable<Plugin["save"]>;
  close?: () => Promise<void>;
}

/** A plugin that misbehaves in a given way, and what was done to its session. */
function misbehaving(behaviour: Behaviour) {
  const seen = { destroyed: 0 };
  const session: Session = {
    apply: behaviour.apply ?? ((_change, _call, pointOfNoReturn) => pointOfNoReturn()),
    ...(behaviour.rehearse && { rehearse: behaviour.rehearse }),
    reusable: () => true,
    close: behaviour.close ?? (() => Promise.resolve()),
    destroy: () => {
      seen.destroyed += 1;
      throw new Error("destroy must not throw");
    },
  };
  const plugin: Plugin = {
    kind: "misbehaving",
    title: "",
    settings: z.strictObject({}),
    capabilities: {
      template: "none",
      ownAccount: true,
      otherAccount: true,
      operations: [],
      propagationMs: 0,
      settleMs: 0,
      heavy: false,
    },
    legalPassword: () => ({ alphabet: "a", minLength: 1, maxLength: 1 }),
    identify: () => Promise.reject(new Error(`no ${SECRET}`)),
    open: async () => {
      await behaviour.open?.();
      return session;
    },
    ...(behaviour.save && { save: behaviour.save }),
    verify: behaviour.verify ?? (() => Promise.resolve({ verdict: "accepted", code: "verify.accepted" })),
  };
  return { plugin: guard(plugin), seen };
}

function newCall(over: Partial<Call> = {}) {
  const lines: string[] = [];
  const signal = new AbortController().signal;
  const call: Call = {
    connectTimeoutMs: 5000,
    readTimeoutMs: 5000,
    signal,
    transcript: (line) => lines.push(line),
    ...over,
  };
  return { call, lines };
}

async function applying(apply: Session["apply"], gate = () => Promise.resolve(), call = newCall().call) {
  const { plugin, seen } = misbehaving({ apply });
  const session = await plugin.open(device, login, newCall().call);
  const error = await session.apply(change, call, gate).catch((reason: unknown) => reason);
  return { error, session, seen };
}

const never = () => new Promise<never>(() => {});

describe("the effect of a failed change", () => {
  it("is none before the point of no return", async () => {
    const { error, session, seen } = await applying(() => Promise.reject(new PluginFailure("target.timeout")));
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(session.reusable()).toBe(false);
    expect(seen.destroyed).toBe(1);
  });

  it("is unknown after it, and none again when the device refused", async () => {
    const after = (failure: PluginFailure) =>
      applying(async (_change, _call, pass) => {
        await pass();
        throw failure;
      });
    expect((await after(new PluginFailure("target.timeout"))).error).toMatchObject({ effect: "unknown" });
    const refused = new PluginFailure("change.refused", "", { refused: true });
    expect((await after(refused)).error).toMatchObject({ effect: "none", refused: true });
  });

  it("is unknown when the plugin never asked for it, or went on although it was closed", async () => {
    const silent = await applying(() => Promise.resolve());
    expect(silent.error).toMatchObject({ code: "target.unexpected", effect: "unknown" });
    const deaf = await applying(
      (_change, _call, pass) => pass().catch(() => {}),
      () => Promise.reject(new Error("closed")),
    );
    expect(deaf.error).toMatchObject({ code: "target.unexpected", effect: "unknown" });
  });
});

describe("the point of no return", () => {
  it("reaches the caller with its own reason, whatever the plugin makes of it", async () => {
    const reason = new Error("lost lease");
    const { error } = await applying(
      (_change, _call, pass) =>
        pass().catch(() => {
          throw new PluginFailure("target.unexpected");
        }),
      () => Promise.reject(reason),
    );
    expect(error).toBe(reason);
  });

  it("is asked for once", async () => {
    let asked = 0;
    const { error } = await applying(
      async (_change, _call, pass) => {
        await Promise.all([pass(), pass()]);
        await pass();
      },
      async () => {
        asked += 1;
      },
    );
    expect(error).toBeUndefined();
    expect(asked).toBe(1);
  });

  it("lets nobody pass whose time is over", async () => {
    const stop = new AbortController();
    let passed = false;
    const { error } = await applying(
      async (_change, _call, pass) => {
        await pass();
        passed = true;
      },
      async () => stop.abort(),
      newCall({ signal: stop.signal }).call,
    );
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(passed).toBe(false);
  });
});

describe("a rehearsal", () => {
  const script: BoundScript = { script: { commands: [] }, values: { NEW_PASSWORD: new Secret(NEXT) } };

  it("ends the session, and masks what the template's tags stand for", async () => {
    const { plugin, seen } = misbehaving({
      rehearse: async (_script, { transcript }) => {
        transcript(`said ${NEXT}`);
        return 3;
      },
    });
    const { call, lines } = newCall();
    const session = await plugin.open(device, login, call);
    expect(await session.rehearse?.(script, call)).toBe(3);
    expect(lines.join()).toMatch(/^said /);
    expect(lines.join()).not.toContain(NEXT);
    expect(session.reusable()).toBe(false);
    expect(seen.destroyed).toBe(1);
  });

  it("fails without an effect, and is absent where the plugin has none", async () => {
    const { plugin } = misbehaving({ rehearse: () => Promise.reject(new PluginFailure("target.timeout", NEXT)) });
    const session = await plugin.open(device, login, newCall().call);
    const failure: unknown = await session.rehearse?.(script, newCall().call).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(failure instanceof PluginFailure && failure.message).not.toContain(NEXT);
    const other = await misbehaving({}).plugin.open(device, login, newCall().call);
    expect(other.rehearse).toBeUndefined();
  });
});

describe("saving", () => {
  it("says no secret when it fails, and is absent where the plugin has none", async () => {
    const { plugin } = misbehaving({ save: () => Promise.reject(new Error(`no ${SECRET}`)) });
    const failure: unknown = await plugin.save?.(device, login, newCall().call).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "target.unexpected", effect: "unknown" });
    expect(JSON.stringify([String(failure), failure])).not.toContain(SECRET);
    expect(misbehaving({}).plugin.save).toBeUndefined();
  });

  it("is given up when its time is over", async () => {
    const { plugin } = misbehaving({ save: never });
    const { call } = newCall({ connectTimeoutMs: 5, readTimeoutMs: 5 });
    await expect(plugin.save?.(device, login, call)).rejects.toMatchObject({ code: "target.timeout" });
  });
});

describe("time", () => {
  it("ends a verb that hangs, and destroys its session", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 10);
    const { error, seen } = await applying(never, undefined, newCall({ signal: stop.signal }).call);
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(seen.destroyed).toBe(1);
  });

  it("ends an open, a verify and an identify that hang, and a session that comes too late is destroyed", async () => {
    const gate = Promise.withResolvers<void>();
    const { plugin, seen } = misbehaving({ open: () => gate.promise, verify: never });
    const { call } = newCall({ connectTimeoutMs: 10, readTimeoutMs: 10 });
    await expect(plugin.open(device, login, call)).rejects.toMatchObject({ code: "target.timeout", effect: "none" });
    expect(await plugin.verify(device, login, call)).toEqual({ verdict: "unknown", code: "target.timeout" });
    gate.resolve();
    await expect.poll(() => seen.destroyed).toBe(1);
  });

  it("of a session that failed before is over", async () => {
    const { session } = await applying(() => Promise.reject(new Error("first")));
    const second = await session.apply(change, newCall().call, () => Promise.resolve()).catch((e: unknown) => e);
    expect(second).toMatchObject({ code: "target.connection-lost", effect: "none" });
  });

  it("of a session that cannot close politely ends all the same", async () => {
    const { plugin, seen } = misbehaving({ close: () => Promise.reject(new Error("stuck")) });
    const session = await plugin.open(device, login, newCall().call);
    await session.close();
    expect(session.reusable()).toBe(false);
    expect(seen.destroyed).toBe(1);
  });
});

describe("texts", () => {
  const all = `${SECRET} ${NEXT} ${CURRENT} ${Buffer.from(NEXT).toString("base64")}`;

  it("of an error and its causes hold no secret, and drivers' fields stay behind", async () => {
    const driver = Object.assign(new Error(`driver ${all}`, { cause: `text ${all}` }), { query: all });
    const many = new AggregateError([driver], `many ${all}`);
    const { error } = await applying(() =>
      Promise.reject(new PluginFailure("target.unexpected", all, { cause: many })),
    );
    const failure = error as PluginFailure;
    const texts: string[] = [];
    for (let at: unknown = failure; at instanceof Error; at = at.cause)
      texts.push(at.message, at.stack ?? "", at.name, JSON.stringify(Object.entries(at)));
    expect(texts.join("\n")).not.toMatch(/-secret-/);
    expect(texts.filter((text) => text.startsWith("driver [secret]"))).toHaveLength(1);
    expect(texts.filter((text) => text.startsWith("text [secret]"))).toHaveLength(1);
  });

  it("of anything thrown become target.unexpected; a circle of causes ends", async () => {
    const circle = new Error(`circle ${NEXT}`);
    circle.cause = circle;
    expect((await applying(() => Promise.reject(circle))).error).toMatchObject({
      code: "target.unexpected",
      message: "circle [secret]",
    });
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- what a careless driver does
    expect((await applying(() => Promise.reject(NEXT))).error).toMatchObject({ message: "[secret]" });
  });

  it("of the transcript hold none either, and are cut to a length", async () => {
    const { call, lines } = newCall();
    await applying(
      async (_change, inner, pass) => {
        inner.transcript(`> ${NEXT} ${"x".repeat(2000)}`);
        await pass();
      },
      undefined,
      call,
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]?.startsWith("> [secret] xxx")).toBe(true);
    expect(lines[0]).toHaveLength(500);
  });

  it("of a verify that throws go to the transcript, and the verdict is unknown", async () => {
    const { plugin } = misbehaving({ verify: () => Promise.reject(new Error(`odd ${SECRET}`)) });
    const { call, lines } = newCall();
    expect(await plugin.verify(device, login, call)).toEqual({ verdict: "unknown", code: "target.unexpected" });
    expect(lines).toEqual(["odd [secret]"]);
    await expect(plugin.identify(device, call)).rejects.toMatchObject({ code: "target.unexpected", effect: "none" });
  });
});
