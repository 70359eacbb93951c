import { afterEach, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type FakeIos, type FakeIosOptions, type IosUser, startFakeIos } from "../helpers/fake-ios.ts";
import { login } from "../helpers/ssh.ts";
import { attempt, expectFailure, newCall, newPassword, other, own } from "./conformance-target.ts";

const plugin = findPlugin("network-cli") as Plugin;
const ADMIN = "Admin-Passw0rd";
const OLD = "Old-Passw0rd-1";

const user = (over: Partial<IosUser> = {}): IosUser => ({ password: OLD, keyword: "secret", privilege: 1, ...over });
const users = () => ({
  admin: user({ password: ADMIN, privilege: 15 }),
  app: user(),
  old: user({ keyword: "password" }),
});

let router: FakeIos | undefined;
afterEach(() => router?.stop());

async function start(options: Partial<FakeIosOptions> = {}, settings: object = {}): Promise<Device> {
  router = await startFakeIos({ users: users(), ...options });
  return {
    address: "127.0.0.1",
    port: router.port,
    settings: plugin.settings.parse({ transport: "telnet", ...settings }),
  };
}

function change(device: Device, as: Login, of: Login, next: Secret) {
  const by = as.username === of.username ? own(as, next) : other(of, next);
  return attempt({ plugin, device, login: as, change: by, call: newCall({ readTimeoutMs: 3000 }) });
}

const verdict = async (device: Device, name: string, password: string) =>
  (await plugin.verify(device, login(name, password), newCall({ readTimeoutMs: 3000 }))).code;

describe("local users", () => {
  it.each(["app", "old"])(
    "an administrator changes %s with the keyword that the user has, and it is saved",
    async (name) => {
      const device = await start();
      const next = newPassword().reveal().slice(0, 20);
      expect(await change(device, login("admin", ADMIN), login(name, OLD), new Secret(next))).toEqual({ asked: 1 });
      expect(router?.saved()[name]).toBe(next);
      expect(router?.running[name]?.privilege).toBe(1);
      expect(await verdict(device, name, next)).toBe("verify.accepted");
      expect(await verdict(device, name, OLD)).toBe("verify.rejected");
    },
  );

  it("a user who is not there is not made", async () => {
    const device = await start();
    const { error, asked } = await change(device, login("admin", ADMIN), login("ap", OLD), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "account.unknown", effect: "none" });
    expect(asked).toBe(0);
    expect(Object.keys(router?.running ?? {})).toEqual(["admin", "app", "old"]);
  });

  it.each(["a b", "x\nreload", "-", "a?", `a"b`])("the name %j is sent in no line", async (name) => {
    const device = await start();
    const { error } = await change(device, login("admin", ADMIN), login(name, OLD), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "account.unknown", effect: "none" });
    expect(router?.lines).toEqual(["admin", ADMIN]);
  });

  it.each([["two words"], ["a?b"], [`q"uote`], ["!remark"], ["semi;colon"], ["x".repeat(26)], ["7"]])(
    "the password %j is not sent",
    async (next) => {
      const device = await start();
      const { error, asked } = await change(device, login("admin", ADMIN), login("app", OLD), new Secret(next));
      expectFailure(error, { code: "change.refused", effect: "none" });
      expect(asked).toBe(0);
    },
  );

  it("hashes of a configuration stay out of the transcript", async () => {
    const device = await start();
    const call = newCall();
    const by = other(login("app", OLD), new Secret("New-Passw0rd"));
    expect(await attempt({ plugin, device, login: login("admin", ADMIN), change: by, call })).toEqual({ asked: 1 });
    expect(call.lines.join("\n")).toContain("username app privilege 1 secret …");
    expect(call.lines.join("\n")).not.toContain("hash-of");
  });
});

describe("rights", () => {
  it("one who may not go to enable without a password changes nothing", async () => {
    const device = await start({ enablePassword: "En-Passw0rd" });
    const { error } = await change(device, login("app", OLD), login("old", OLD), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "auth.not-permitted", effect: "none" });
    expect(router?.lines).not.toContain("configure terminal");
  });

  it("a password that enable does not take is tried once", async () => {
    const device = await start({ enablePassword: "En-Passw0rd" }, { enable: true });
    const { error } = await change(device, login("app", OLD), login("old", OLD), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "auth.not-permitted", effect: "none" });
    expect(router?.lines.filter((line) => line === OLD)).toHaveLength(2);
  });

  it("a wrong password is tried once", async () => {
    const device = await start();
    expect(await verdict(device, "admin", "Wrong-Passw0rd")).toBe("verify.rejected");
    expect(router?.lines).toEqual(["admin", "Wrong-Passw0rd"]);
  });
});

describe("what is written where it survives", () => {
  it("a question before it is answered with yes", async () => {
    const device = await start({ writes: "confirm" });
    expect(await change(device, login("admin", ADMIN), login("app", OLD), new Secret("New-Passw0rd"))).toEqual({
      asked: 1,
    });
    expect(router?.saved()["app"]).toBe("New-Passw0rd");
  });

  it("what cannot be written is put back where the old password is known", async () => {
    const device = await start({ writes: "no" });
    const { error } = await change(device, login("admin", ADMIN), login("admin", ADMIN), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "change.not-persistent", effect: "none" });
    expect(router?.running["admin"]?.password).toBe(ADMIN);
  });

  it("and is in doubt where it is not", async () => {
    const device = await start({ writes: "no" });
    const { error } = await change(device, login("admin", ADMIN), login("app", OLD), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "change.not-persistent", effect: "unknown" });
    expect(router?.running["app"]?.password).toBe("New-Passw0rd");
    expect(router?.saved()["app"]).toBe(OLD);
  });

  it("is made up for after a change that broke off, by whoever makes changes", async () => {
    for (const options of [{}, { writes: "confirm" }, { enablePassword: OLD }] as const) {
      const device = await start(options, { enable: "enablePassword" in options });
      const live = router?.running["app"];
      if (live) live.password = "New-Passw0rd";
      const by = "enablePassword" in options ? login("old", OLD) : login("admin", ADMIN);
      await plugin.save?.(device, by, newCall({ readTimeoutMs: 3000 }));
      expect(router?.saved()["app"]).toBe("New-Passw0rd");
      expect(router?.lines).not.toContain("configure terminal");
      router?.stop();
    }
  });

  it("is not made up for where the device cannot, or does not let one", async () => {
    const save = (device: Device, by: Login) => plugin.save?.(device, by, newCall({ readTimeoutMs: 3000 }));
    const full = await start({ writes: "no" });
    await expect(save(full, login("admin", ADMIN))).rejects.toMatchObject({ code: "change.not-persistent" });
    await expect(save(full, login("admin", "wrong"))).rejects.toMatchObject({ code: "auth.rejected" });
    router?.stop();
    const closed = await start({ enablePassword: "En-Passw0rd" });
    await expect(save(closed, login("app", OLD))).rejects.toMatchObject({ code: "auth.not-permitted" });
  });

  it("a refusal changes nothing and is not saved", async () => {
    const device = await start({ refuses: "% Password length must be at least 10 characters" });
    const { error } = await change(device, login("admin", ADMIN), login("app", OLD), new Secret("New-Passw0rd"));
    expectFailure(error, { code: "change.refused", effect: "none" });
    expect(router?.lines).not.toContain("write memory");
  });
});
