import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { findPlugin } from "../../plugins/registry.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { readTemplate } from "../../templates/language/read.ts";
import { DISABLED, type SambaAdTarget, startSambaAdTarget } from "../../scripts/targets/samba-ad.ts";
import type { TagValues } from "../../templates/language/script.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { testConformance } from "./conformance.ts";
import { conformance as onOpenLdap } from "./ldap.conformance.ts";
import { attempt, newCall, newLogin, newPassword, other, own, withPassword } from "./conformance-target.ts";

const PACKAGES = ["samba", "samba-ad-provision", "samba-dsdb-modules", "samba-vfs-modules"] as const;
const plugin = findPlugin("ldap") as Plugin;

function deviceOf(target: SambaAdTarget, over: Record<string, unknown> = {}): Device {
  const { address, port, ca } = target;
  const settings = { directory: "active-directory", caCertificate: ca, baseDn: target.base, ...over };
  return { address, port, settings: plugin.settings.parse(settings) };
}

function loginOf(target: SambaAdTarget): Login {
  const { username, password } = target.administrator;
  return { username, domain: target.domain, additionalInfo: "", password: new Secret(password) };
}

describeAsRoot("ldap on Active Directory", PACKAGES, () => {
  let shared: SambaAdTarget;
  beforeAll(async () => {
    shared = await startSambaAdTarget();
  });
  afterAll(() => shared?.stop());

  describe("conformance", () =>
    testConformance({
      ...onOpenLdap,
      start: async () => {
        const device = deviceOf(shared);
        return {
          device,
          untrusted: deviceOf(shared, { caCertificate: undefined }),
          administrator: loginOf(shared),
          newAccount: ({ username, password }) => shared.addUser(username, password.reveal()),
          trusting: { device, username: "nobody" },
          // A `sAMAccountName` has 20 characters and none of "/\[]:;|=,+*?<>@
          oddUsernames: ["o'brien", "a (b) & c!", "#hash", "$dollar", "Ünïcødé", "dot.name_9", "x".repeat(20)],
          oddPasswords: [
            Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join(""),
            ` '"\\$\`%;--Aa1 `,
            `Aa1${"y".repeat(124)}`,
          ],
          impossiblePassword: "two\nlines",
          keepsSessions: true,
          stop: async () => {},
        };
      },
    }));

  async function account(): Promise<Login> {
    const login = { ...newLogin(), domain: shared.domain };
    await shared.addUser(login.username, login.password.reveal());
    return login;
  }

  const change = (login: Login, next: Secret) =>
    attempt({ plugin, device: deviceOf(shared), login: loginOf(shared), change: other(login, next) });

  async function verdict(login: Login, device = deviceOf(shared)): Promise<string> {
    const { verdict: said, code } = await plugin.verify(device, login, newCall());
    return `${said} ${code}`;
  }

  describe("what the directory says of an account", () => {
    it.each([
      ["switched off", { userAccountControl: String(512 + DISABLED) }, "accepted verify.account-expired"],
      ["expired", { accountExpires: "116444736010000000" }, "accepted verify.account-expired"],
      ["to be changed", { pwdLastSet: "0" }, "accepted verify.must-change"],
    ])("%s: the right password is told from a wrong one", async (_, attributes, right) => {
      const login = await account();
      await shared.set(login.username, attributes);
      expect(await verdict(withPassword(login, newPassword()))).toBe("rejected verify.rejected");
      expect(await verdict(login)).toBe(right);
    });

    it("locked: nothing is proven, and nothing sent that could not be", async () => {
      const login = await account();
      for (let tries = 0; tries < 5; tries += 1) await verdict(withPassword(login, newPassword()));
      expect(await verdict(login)).toBe("unknown auth.locked");
      expect(await change(login, newPassword())).toMatchObject({ asked: 0, error: { code: "auth.locked" } });
      await shared.set(login.username, { lockoutTime: "0" });
      expect(await change(login, newPassword())).toEqual({ asked: 1 });
    });

    it("an account that is switched off is not changed", async () => {
      const login = await account();
      await shared.set(login.username, { userAccountControl: String(512 + DISABLED) });
      expect(await change(login, newPassword())).toMatchObject({ asked: 0, error: { code: "auth.locked" } });
    });
  });

  it("takes no password against its rules, its own or another's", async () => {
    const login = await account();
    const weak = new Secret("aaaaaaaaaa");
    const device = deviceOf(shared);
    for (const attempted of [
      await change(login, weak),
      await attempt({ plugin, device, login, change: own(login, weak) }),
    ])
      expect(attempted).toMatchObject({ asked: 1, error: { code: "change.refused", effect: "none" } });
    expect(await verdict(login)).toBe("accepted verify.accepted");
  });

  it("a wrong present password changes nothing", async () => {
    const login = await account();
    const device = deviceOf(shared);
    const wrong = { ...own(login, newPassword()), current: newPassword() };
    const { error } = await attempt({ plugin, device, login, change: wrong });
    expect(error).toMatchObject({ code: "auth.rejected", effect: "none" });
    expect(await verdict(login)).toBe("accepted verify.accepted");
  });

  it("logs in by every form of the name, and over StartTLS", async () => {
    const login = await account();
    const { username } = login;
    const dn = `CN=${username},CN=Users,${shared.base}`;
    for (const [name, domain] of [
      [username, ""],
      [username, "KT"],
      [`${username}@kt.test`, ""],
      [`KT\\${username}`, ""],
      [dn, ""],
    ] as const)
      expect(await verdict({ ...login, username: name, domain })).toBe("accepted verify.accepted");
    const startTls = { ...deviceOf(shared, { tls: "starttls" }), port: shared.clearPort };
    expect(await verdict(login, startTls)).toBe("accepted verify.accepted");
    expect(await plugin.identify(startTls, newCall())).toBe(await plugin.identify(deviceOf(shared), newCall()));
    expect(() => deviceOf(shared, { tls: "off" })).toThrow(/TLS only/);
  });

  describe("by template", () => {
    const bind = `set-option LDAP_OPT_PROTOCOL_VERSION 3
      set-option LDAP_OPT_REFERRALS 3
      bind "CN=[#AUTH_USER#],CN=Users,DC=kt,DC=test"
      find "DC=kt,DC=test" "(&(objectClass=user) (sAMAccountName=[#username#]))"`;

    function scriptOf(body: string, values: TagValues) {
      const language = plugin.language;
      if (!language) throw new Error("no language");
      const { script, complaints } = readTemplate(body, language);
      expect(complaints.filter(({ severity }) => severity === "refusal")).toEqual([]);
      return { script, values: { AUTH_USER: "Administrator", ...values } };
    }

    it("another's password is set, and its own", async () => {
      const login = await account();
      const [next, third] = [newPassword(), newPassword()];
      const device = deviceOf(shared);
      const values = { USERNAME: login.username, NEW_PASSWORD: next };
      const reset = scriptOf(`${bind}\nmod-replace unicodePwd "u([#NEW_PASSWORD#])"`, values);
      const administrator = loginOf(shared);
      const changed = { ...other(login, next), script: reset };
      expect(await attempt({ plugin, device, login: administrator, change: changed })).toEqual({ asked: 1 });
      expect(await verdict(withPassword(login, next))).toBe("accepted verify.accepted");
      const renewed = withPassword(login, next);
      const body = `${bind}\nmod-del unicodePwd "u([#CURRENT_PASSWORD#])"\nmod-add unicodePwd "u([#NEW_PASSWORD#])"\nend`;
      const script = scriptOf(body, {
        AUTH_USER: login.username,
        USERNAME: login.username,
        CURRENT_PASSWORD: next,
        NEW_PASSWORD: third,
      });
      const ownChange = { ...own(renewed, third), script };
      expect(await attempt({ plugin, device, login: renewed, change: ownChange })).toEqual({ asked: 1 });
      expect(await verdict(withPassword(login, third))).toBe("accepted verify.accepted");
      expect(await verdict(renewed)).toBe("rejected verify.rejected");
    });

    it("a password in another attribute would be readable there: it is refused, and not sent", async () => {
      const login = await account();
      const next = newPassword();
      const body = `${bind}\nmod-replace userPassword "[#NEW_PASSWORD#]"`;
      const script = scriptOf(body, { USERNAME: login.username, NEW_PASSWORD: next });
      const changed = { ...other(login, next), script };
      expect(
        await attempt({ plugin, device: deviceOf(shared), login: loginOf(shared), change: changed }),
      ).toMatchObject({
        asked: 0,
        error: { code: "template.refused", effect: "none", message: expect.stringMatching(/^line 5: /) as string },
      });
      expect((await shared.entry(login.username))["userPassword"]).toBeUndefined();
    });

    it("switches an account off and on, and puts it into a group and out again", async () => {
      const login = await account();
      await shared.addGroup("auditors");
      const run = async (body: string) => {
        const script = scriptOf(body, { USERNAME: login.username, GRUPO_NOME: "auditors" });
        const session = await plugin.open(deviceOf(shared), loginOf(shared), newCall(), script);
        let asked = 0;
        await session.run?.(script, newCall(), async () => void (asked += 1));
        await session.close();
        expect(asked).toBe(1);
      };
      await run(`${bind}\nmod-replace userAccountControl 514`);
      expect(await verdict(login)).toBe("accepted verify.account-expired");
      await run(`${bind}\nmod-replace userAccountControl 512`);
      expect(await verdict(login)).toBe("accepted verify.accepted");
      const group = bind.replace("[#username#]", "[#GRUPO_NOME#]").replace("=user", "=group");
      await run(`${group}\nmod-add member "CN=[#USERNAME#],CN=Users,DC=kt,DC=test"`);
      expect(String((await shared.entry("auditors"))["member"])).toContain(login.username);
      await run(`${group}\nmod-del member "CN=[#USERNAME#],CN=Users,DC=kt,DC=test"`);
      expect((await shared.entry("auditors"))["member"]).toBeUndefined();
    });

    it("makes a user with a password for a while, who logs in until it is removed", async () => {
      const login = { ...newLogin(), domain: shared.domain };
      const run = async (body: string) => {
        const script = scriptOf(body, { USERNAME: login.username, NEW_PASSWORD: login.password });
        const session = await plugin.open(deviceOf(shared), loginOf(shared), newCall(), script);
        await session.run?.(script, newCall(), async () => {}).finally(() => session.destroy());
      };
      const creation = `bind "CN=[#AUTH_USER#],CN=Users,DC=kt,DC=test"
        create-entry "CN=[#USERNAME#],CN=Users,DC=kt,DC=test"
        mod-add objectClass "user"
        mod-add sAMAccountName "[#USERNAME#]"
        mod-add userAccountControl "512"
        mod-add unicodePwd "u([#NEW_PASSWORD#])"`;
      await run(creation);
      expect(await verdict(login)).toBe("accepted verify.accepted");
      await expect(run(creation)).rejects.toMatchObject({ code: "account.exists", refused: true });
      await run(`${bind}\ndelete-entry`);
      expect(await verdict(login)).toBe("rejected verify.rejected");
    });

    it("makes a user and deletes it", async () => {
      const name = newLogin().username;
      const run = async (body: string) => {
        const script = scriptOf(body, { USERNAME: name });
        const session = await plugin.open(deviceOf(shared), loginOf(shared), newCall(), script);
        await session.run?.(script, newCall(), async () => {});
        await session.close();
      };
      const creation = `bind "CN=[#AUTH_USER#],CN=Users,DC=kt,DC=test"
        create-entry "CN=[#USERNAME#],CN=Users,DC=kt,DC=test"
        mod-add objectClass "user"
        mod-add sAMAccountName "[#USERNAME#]"`;
      await run(creation);
      await expect(run(creation)).rejects.toMatchObject({ code: "account.exists", refused: true });
      expect((await shared.entry(name))["sAMAccountName"]).toBe(name);
      await run(`${bind}\ndelete-entry`);
      await expect(shared.entry(name)).rejects.toThrow(/NO_OBJECT|0x20/);
    });
  });
});
