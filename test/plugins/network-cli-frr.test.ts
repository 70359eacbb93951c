import { afterAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type FrrTarget, type FrrTargetOptions, startFrrTarget } from "../../scripts/targets/frr.ts";
import { startVtyshTarget } from "../../scripts/targets/vtysh.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { login } from "../helpers/ssh.ts";
import { attempt, expectFailure, newCall, other, own } from "./conformance-target.ts";

const plugin = findPlugin("network-cli") as Plugin;
const OLD = "Old-Passw0rd-1";
const NEW = "New-Passw0rd-2";

const routers: FrrTarget[] = [];
afterAll(() => Promise.all(routers.map((router) => router.stop())));

async function start(options: FrrTargetOptions): Promise<FrrTarget> {
  const router = await startFrrTarget(options);
  routers.push(router);
  return router;
}

function deviceOf({ address, port }: FrrTarget, settings: object = {}): Device {
  const parsed = plugin.settings.parse({ transport: "telnet", account: "line", ...settings });
  return { address, port, settings: parsed };
}

const change = (device: Device, as: Login, next = NEW) =>
  attempt({ plugin, device, login: as, change: own(as, new Secret(next)) });

async function verdict(device: Device, password: string): Promise<string> {
  return (await plugin.verify(device, login("", password), newCall())).code;
}

describeAsRoot("network-cli on FRR", ["frr", "openssh-server"], () => {
  describe.concurrent("a router whose enable has the password of its lines", () => {
    it("gets both, saved", async () => {
      const router = await start({ password: OLD, enablePassword: OLD });
      const device = deviceOf(router, { enable: true });
      expect(await change(device, login("", OLD))).toEqual({ asked: 1 });
      expect(await verdict(device, NEW)).toBe("verify.accepted");
      expect(await verdict(device, OLD)).toBe("verify.rejected");
      await router.restart();
      expect(await verdict(device, NEW)).toBe("verify.accepted");
      expect(await router.saved()).not.toContain(OLD);
    });

    it("proves nothing of a password that only the log-in takes", async () => {
      const router = await start({ password: OLD, enablePassword: "Other-Passw0rd" });
      const device = deviceOf(router, { enable: true });
      expect(await verdict(device, OLD)).toBe("auth.not-permitted");
      const { error, asked } = await change(device, login("", OLD));
      expectFailure(error, { code: "auth.not-permitted", effect: "none" });
      expect(asked).toBe(0);
    });

    it("is not tried where the settings say that enable asks for nothing", async () => {
      const router = await start({ password: OLD, enablePassword: OLD });
      const { error } = await change(deviceOf(router), login("", OLD));
      expectFailure(error, { code: "auth.not-permitted", effect: "none" });
    });
  });

  it.concurrent("a router that cannot write its configuration has its old password again", async () => {
    const router = await start({ password: OLD });
    await router.makeReadOnly();
    const device = deviceOf(router);
    const { error, asked } = await change(device, login("", OLD));
    expectFailure(error, { code: "change.not-persistent", effect: "none" });
    expect(asked).toBe(1);
    expect(await verdict(device, OLD)).toBe("verify.accepted");
    expect(await verdict(device, NEW)).toBe("verify.rejected");
  });

  it.concurrent("and so it has when somebody else made the change, who came in with the same one", async () => {
    const router = await start({ password: OLD });
    await router.makeReadOnly();
    const device = deviceOf(router);
    const by = other(login("", OLD), new Secret(NEW));
    const { error } = await attempt({ plugin, device, login: login("administrator", OLD), change: by });
    expectFailure(error, { code: "change.not-persistent", effect: "none" });
    await router.restart();
    expect(await verdict(device, OLD)).toBe("verify.accepted");
  });

  it.concurrent("only eight characters count where FRR encrypts: no longer password is made or sent where the settings say so", async () => {
    const router = await start({ password: OLD, lines: ["service password-encryption"] });
    const device = deviceOf(router, { longestPassword: 8 });
    expect(plugin.legalPassword(device.settings, true).maxLength).toBe(8);
    expectFailure((await change(device, login("", OLD), "Abcdefgh1")).error, {
      code: "change.refused",
      effect: "none",
    });
    expect(await change(device, login("", OLD), "Abcdefgh")).toEqual({ asked: 1 });
    expect(await verdict(device, "Abcdefgh")).toBe("verify.accepted");
    // Why there is such a setting.
    expect(await verdict(device, "Abcdefgh-and-more")).toBe("verify.accepted");
  });

  it.concurrent("ten routers at once", async () => {
    const ten = await Promise.all(Array.from({ length: 10 }, () => start({ password: OLD, enablePassword: OLD })));
    const devices = ten.map((router) => deviceOf(router, { enable: true }));
    const results = await Promise.all(
      devices.map((device, index) => change(device, login("", OLD), `New-Passw0rd-${index}`)),
    );
    expect(results).toEqual(devices.map(() => ({ asked: 1 })));
    for (const [index, device] of devices.entries()) {
      expect(await verdict(device, `New-Passw0rd-${index}`)).toBe("verify.accepted");
      expect(await verdict(device, OLD)).toBe("verify.rejected");
    }
  });

  it.concurrent("is reached over SSH as well, where vtysh is the log-in shell, and makes no user that is not there", async () => {
    const router = await startVtyshTarget({ users: [{ name: "netadm", password: OLD }] });
    try {
      const { address, port, fingerprint: pinnedIdentity } = router;
      const device = { address, port, pinnedIdentity, settings: plugin.settings.parse({}) };
      expect(await plugin.identify(device, newCall())).toBe(pinnedIdentity);
      expect(await plugin.verify(device, login("netadm", OLD), newCall())).toMatchObject({ code: "verify.accepted" });
      const { error, asked } = await change(device, login("netadm", OLD));
      expectFailure(error, { code: "account.unknown", effect: "none" });
      expect(asked).toBe(0);
    } finally {
      await router.stop();
    }
  });
});
