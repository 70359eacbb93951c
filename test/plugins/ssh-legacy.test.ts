import { describe, expect, test } from "vitest";
import type { Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { call, describeOnSshd, deviceOf, FIRST, login, users, withTarget } from "../helpers/ssh.ts";
import { testConformance } from "./conformance.ts";
import { conformance, OLD } from "./ssh-legacy.conformance.ts";

describeOnSshd("ssh-legacy", ["openssh-server", "sudo"], () => testConformance(conformance));

describeOnSshd("old algorithms", ["openssh-server"], () => {
  const legacy = findPlugin("ssh-legacy") as Plugin;
  const device = (allowed: boolean) => legacy.settings.parse(allowed ? { legacyAlgorithms: true } : {});

  test.each([
    ["key exchange", "KexAlgorithms diffie-hellman-group1-sha1"],
    ["cipher", "Ciphers 3des-cbc"],
    ["checksum", "MACs hmac-md5\nCiphers aes128-ctr"],
  ])("%s: used only where the device's settings say so", async (_, line) => {
    await withTarget({ users: users("kt_old"), sshdConfig: [line] }, async (target) => {
      const asked = login("kt_old", FIRST);
      for (const plugin of ["ssh", "linux"].map((kind) => findPlugin(kind) as Plugin)) {
        const said = await plugin.verify(deviceOf(target), asked, call());
        expect(said).toEqual({ verdict: "unknown", code: "target.outdated" });
      }
      const refused = { ...deviceOf(target), settings: device(false) };
      await expect(legacy.open(refused, asked, call())).rejects.toMatchObject({ code: "target.outdated" });
      const allowed = { ...deviceOf(target), settings: device(true) };
      expect(await legacy.verify(allowed, asked, call())).toMatchObject({ verdict: "accepted" });
      expect(await legacy.identify(allowed, call())).toBe(target.fingerprint);
    });
  });

  test("a device that knows better is talked to in the better way", async () => {
    const both = OLD.map((line) => line.replace(" ", " +"));
    await withTarget({ users: users("kt_old"), sshdConfig: [...both, "LogLevel DEBUG1"] }, async (target) => {
      const allowed = { ...deviceOf(target), settings: device(true) };
      expect(await legacy.verify(allowed, login("kt_old", FIRST), call())).toMatchObject({ verdict: "accepted" });
      const log = await target.log("sshd.log");
      expect(log).toMatch(/kex: algorithm: curve25519/);
      expect(log).not.toMatch(/kex:.*(?:cbc|md5)/);
    });
  });
});

describe("the settings of ssh-legacy", () => {
  test("know one field", () => {
    const { settings } = findPlugin("ssh-legacy") as Plugin;
    expect(settings.parse({})).toEqual({ legacyAlgorithms: false });
    expect(settings.safeParse({ legacy: true }).success).toBe(false);
  });
});
