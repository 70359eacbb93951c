import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, rename } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { findPlugin } from "../../plugins/registry.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { type RedisTarget, type RedisTargetOptions, startRedisTarget } from "../../scripts/targets/redis.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { attempt, newCall, newLogin, newPassword, other, own, withPassword } from "./conformance-target.ts";

const plugin = findPlugin("redis") as Plugin;

function deviceOf(target: RedisTarget): Device {
  const { address, port, ca } = target;
  return { address, port, settings: plugin.settings.parse({ caCertificate: ca }) };
}

function administratorOf({ administrator: { username, password } }: RedisTarget): Login {
  return { username, domain: "", additionalInfo: "", password: new Secret(password) };
}

function change(target: RedisTarget, login: Login, next: Secret) {
  return attempt({ plugin, device: deviceOf(target), login: administratorOf(target), change: other(login, next) });
}

async function verdict(target: RedisTarget, login: Login): Promise<string> {
  return (await plugin.verify(deviceOf(target), login, newCall())).code;
}

/** Tests that share a server. */
function onServer(options: RedisTargetOptions, tests: (target: () => RedisTarget) => void): void {
  let target: RedisTarget;
  beforeAll(async () => {
    target = await startRedisTarget(options);
  });
  afterAll(() => target?.stop());
  tests(() => target);
}

async function account(target: RedisTarget, rules?: readonly string[]): Promise<Login> {
  const login = newLogin();
  await target.createUser(login.username, login.password.reveal(), rules);
  return login;
}

describeAsRoot("redis", ["redis-server"], () => {
  for (const users of ["acl-file", "configuration"] as const)
    describe(`users in the ${users}`, () =>
      onServer({ users }, (target) => {
        it("what is in memory only is written when it is asked for, and survives a crash", async () => {
          const login = await account(target());
          const next = newPassword();
          await target().run("ACL", "SETUSER", login.username, "resetpass", `>${next.reveal()}`);
          await plugin.save?.(deviceOf(target()), administratorOf(target()), newCall());
          await target().restart();
          expect(await verdict(target(), withPassword(login, next))).toBe("verify.accepted");
        });

        it("what was changed survives a crash, the administrator's own too", async () => {
          const login = await account(target());
          const administrator = administratorOf(target());
          const [next, third] = [newPassword(), newPassword()];
          expect(await change(target(), login, next)).toEqual({ asked: 1 });
          const ownChange = own(administrator, third);
          const device = deviceOf(target());
          expect(await attempt({ plugin, device, login: administrator, change: ownChange })).toEqual({ asked: 1 });
          await target().restart();
          expect(await verdict(target(), withPassword(login, next))).toBe("verify.accepted");
          expect(await verdict(target(), login)).toBe("verify.rejected");
          expect(await verdict(target(), withPassword(administrator, third))).toBe("verify.accepted");
          expect(await verdict(target(), administrator)).toBe("verify.rejected");
        });

        it("leaves no clear text in any file", async () => {
          const files = await target().files();
          expect(files).toContain("user default on");
          expect(files).not.toContain("Kt7-");
        });
      }));

  describe("a server that cannot keep its users", () =>
    onServer({ users: "nowhere" }, (target) => {
      it("is left as it was", async () => {
        const login = await account(target());
        const next = newPassword();
        const before = await target().run("ACL", "GETUSER", login.username);
        const { error, asked } = await change(target(), login, next);
        await expect(plugin.save?.(deviceOf(target()), administratorOf(target()), newCall())).rejects.toMatchObject({
          code: "change.not-persistent",
        });
        expect(error).toMatchObject({ code: "change.not-persistent", refused: true, effect: "none" });
        expect(asked).toBe(1);
        expect(await target().run("ACL", "GETUSER", login.username)).toEqual(before);
        expect(await verdict(target(), login)).toBe("verify.accepted");
        expect(await verdict(target(), withPassword(login, next))).toBe("verify.rejected");
      });
    }));

  describe("an ACL file that cannot be written", () =>
    onServer({}, (target) => {
      it("undoes the change, and all passwords of before are back", async () => {
        const login = await account(target());
        const second = newPassword();
        const hash = createHash("sha256").update(second.reveal()).digest("hex");
        await target().run("ACL", "SETUSER", login.username, `#${hash}`);
        const file = join(target().folder, "users.acl");
        await rename(file, `${file}.away`);
        // Not even root can put a file where a folder is.
        await mkdir(file);
        await chmod(file, 0o500);
        const { error } = await change(target(), login, newPassword());
        expect(error).toMatchObject({ code: "change.not-persistent", effect: "none" });
        for (const password of [login.password, second])
          expect(await verdict(target(), withPassword(login, password))).toBe("verify.accepted");
      });
    }));

  describe("rights and flags", () =>
    onServer({}, (target) => {
      it.each([
        ["to ask for the user", ["on", "+ping"]],
        ["to set a password", ["on", "+acl|getuser", "+config|get", "+multi", "+exec", "+acl|save"]],
        ["to write to disk", ["on", "+acl|getuser", "+config|get", "+multi", "+exec", "+acl|setuser"]],
      ])("an account without the right %s changes nothing", async (_, rules) => {
        const [weak, login] = [await account(target(), rules), await account(target())];
        const next = newPassword();
        const device = deviceOf(target());
        const { error } = await attempt({ plugin, device, login: weak, change: other(login, next) });
        expect(error).toMatchObject({ code: "auth.not-permitted", effect: "none" });
        expect(await verdict(target(), login)).toBe("verify.accepted");
        expect(await verdict(target(), withPassword(login, next))).toBe("verify.rejected");
      });

      it("a user that is off, or needs no password, is not changed", async () => {
        const [off, open] = [await account(target(), ["off"]), await account(target(), ["on", "nopass"])];
        // A password that is set takes `nopass` away.
        await target().run("ACL", "SETUSER", open.username, "nopass");
        expect(await change(target(), off, newPassword())).toMatchObject({ asked: 0, error: { code: "auth.locked" } });
        expect(await change(target(), open, newPassword())).toMatchObject({
          asked: 0,
          error: { code: "verify.no-password-asked" },
        });
      });

      it("a user that needs no password is found out, whether it may ask for its flags or not", async () => {
        for (const rules of [
          ["on", "+ping"],
          ["on", "+acl|getuser"],
        ]) {
          const login = await account(target(), rules);
          expect(await verdict(target(), login)).toBe("verify.accepted");
          await target().run("ACL", "SETUSER", login.username, "nopass");
          expect(await verdict(target(), login)).toBe("verify.no-password-asked");
        }
      });

      it("keeps everything of a user but its password", async () => {
        const login = await account(target(), ["on", "~a:*", "&news", "-@all", "+get", "(~b:* +set)"]);
        const before = (await target().run("ACL", "GETUSER", login.username)) as unknown[];
        expect(await change(target(), login, newPassword())).toEqual({ asked: 1 });
        const after = (await target().run("ACL", "GETUSER", login.username)) as unknown[];
        const at = before.indexOf("passwords") + 1;
        expect(after.toSpliced(at, 1)).toEqual(before.toSpliced(at, 1));
        expect(after[at]).not.toEqual(before[at]);
      });
    }));

  it("says of a server that has no room that it is busy", async () => {
    const target = await startRedisTarget({ clear: true });
    const held: Socket[] = [];
    try {
      const login = await account(target);
      await target.run("CONFIG", "SET", "maxclients", "2");
      const { address, clearPort: port } = target;
      for (let room = 0; room < 2; room += 1) {
        const socket = connect(port, address).on("error", () => {});
        held.push(socket);
        await once(socket, "connect");
      }
      const clear = { address, port, settings: plugin.settings.parse({ tls: "off" }) };
      // The server hangs up at once: that may be heard before its word.
      const code = async () => (await plugin.verify(clear, login, newCall())).code;
      await expect.poll(code).toBe("target.busy");
    } finally {
      for (const socket of held) socket.destroy();
      await target.stop();
    }
  });

  it("speaks to a server without TLS only where that is set", async () => {
    const target = await startRedisTarget({ clear: true });
    try {
      const login = await account(target);
      const clear = {
        address: target.address,
        port: target.clearPort,
        settings: plugin.settings.parse({ tls: "off" }),
      };
      expect(await plugin.identify(clear, newCall())).toBeUndefined();
      expect(await plugin.verify(clear, login, newCall())).toEqual({ verdict: "accepted", code: "verify.accepted" });
      const secured = { ...clear, settings: plugin.settings.parse({}) };
      const call = newCall({ connectTimeoutMs: 1000 });
      expect(await plugin.verify(secured, login, call)).toMatchObject({ verdict: "unknown" });
    } finally {
      await target.stop();
    }
  });
});
