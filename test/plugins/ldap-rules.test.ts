import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type OpenLdapTarget, rdn, startOpenLdapTarget } from "../../scripts/targets/openldap.ts";
import { readTemplate } from "../../templates/language/read.ts";
import type { BoundScript, TagValues } from "../../templates/language/script.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { attempt, newCall, newLogin, newPassword, other, own, withPassword } from "./conformance-target.ts";

const plugin = findPlugin("ldap") as Plugin;
const GENERATED = 200;
/** Characters that mean something in a filter or a DN, beside others. */
const ODD = fc.string({
  unit: fc.constantFrom(..."*()\\,+=\"<>;# |&!~/:'$`ab0éß用\t"),
  minLength: 1,
  maxLength: 12,
});

describeAsRoot("ldap on OpenLDAP", ["slapd"], () => {
  let target: OpenLdapTarget;
  let administrator: Login;

  beforeAll(async () => {
    target = await startOpenLdapTarget();
    const { username, password } = target.administrator;
    administrator = { username, domain: "", additionalInfo: "", password: new Secret(password) };
  });
  afterAll(() => target?.stop());

  const device = (settings: Record<string, unknown> = {}, port = target.port): Device => ({
    address: target.address,
    port,
    settings: plugin.settings.parse({ caCertificate: target.ca, baseDn: target.people, ...settings }),
  });

  async function account(username?: string): Promise<Login> {
    const login = newLogin(username === undefined ? {} : { username });
    await target.addPerson(login.username, login.password.reveal());
    return login;
  }

  async function verdict(login: Login, on = device()): Promise<string> {
    const { verdict: said, code } = await plugin.verify(on, login, newCall());
    return `${said} ${code}`;
  }

  const change = (login: Login, next: Secret, on = device()) =>
    attempt({ plugin, device: on, login: administrator, change: other(login, next) });

  function scriptOf(body: string, values: TagValues): BoundScript {
    if (!plugin.language) throw new Error("no language");
    const { script, complaints } = readTemplate(body, plugin.language);
    expect(complaints.filter(({ severity }) => severity === "refusal")).toEqual([]);
    return { script, values };
  }

  /** What an entry holds of its password; it changes with it. */
  async function stored(): Promise<Map<string, string>> {
    const entries = await target.entries();
    return new Map([...entries].map(([dn, entry]) => [dn, JSON.stringify(entry["userPassword"])]));
  }

  /** The entries whose password is another one now. */
  async function touched(before: Map<string, string>): Promise<string[]> {
    const after = await stored();
    expect([...after.keys()]).toEqual([...before.keys()]);
    return [...after].filter(([dn, value]) => before.get(dn) !== value).map(([dn]) => dn);
  }

  describe(`${GENERATED} odd names`, () => {
    const made = new Set<string>();

    /** Two names that are one to the directory cannot both be made. */
    async function person(username: string): Promise<Login | undefined> {
      const same = username.normalize("NFKC").toLowerCase().trim().replaceAll(/\s+/g, " ");
      if (same === "" || made.has(same)) return undefined;
      made.add(same);
      return account(username);
    }

    it.each([
      ["in a filter", () => device()],
      ["in a DN", () => device({ userDn: `uid={username},${target.people}` })],
    ])("%s: the account itself is changed and no other", async (where, on) => {
      made.clear();
      const names = fc.sample(ODD, { numRuns: GENERATED, seed: where.length });
      for (const [index, name] of names.entries()) {
        const login = await person(`${where.length}${index}${name}`);
        if (!login) continue;
        const before = await stored();
        const next = newPassword();
        expect(await change(login, next, on())).toEqual({ asked: 1 });
        const changed = await touched(before);
        expect(changed).toHaveLength(1);
        expect(await verdict(withPassword(login, next), on())).toBe("accepted verify.accepted");
      }
    });

    it("nobody's: nothing is changed", async () => {
      const before = await stored();
      for (const name of fc.sample(ODD, { numRuns: GENERATED, seed: 7 })) {
        const nobody = newLogin({ username: `nobody${name}` });
        const userDn = `uid={username},${target.people}`;
        for (const on of [device(), device({ userDn })]) {
          const { error, asked } = await change(nobody, newPassword(), on);
          expect(error).toMatchObject({ code: "account.unknown", effect: "none" });
          expect(asked).toBe(0);
        }
      }
      expect(await touched(before)).toEqual([]);
    });

    it("in a template: in `find`, and in the value of `member`", async () => {
      made.clear();
      const group = `cn=staff,${target.suffix}`;
      await target.add(group, { objectClass: "groupOfNames", cn: "staff", member: target.administrator.username });
      for (const [index, name] of fc.sample(ODD, { numRuns: GENERATED, seed: 11 }).entries()) {
        const login = await person(`t${index}${name}`);
        if (!login) continue;
        const before = await stored();
        const next = newPassword();
        const body = `find "${target.people}" (uid=[#USERNAME#])\nmod-replace userPassword "[#NEW_PASSWORD#]"`;
        const script = scriptOf(body, { USERNAME: login.username, NEW_PASSWORD: next });
        const by = { plugin, device: device(), login: administrator };
        expect(await attempt({ ...by, change: { ...other(login, next), script } })).toEqual({ asked: 1 });
        expect(await touched(before)).toHaveLength(1);
        expect(await verdict(withPassword(login, next))).toBe("accepted verify.accepted");
        const joining = scriptOf(
          `find "${target.suffix}" "(cn=staff)"\nmod-add member "uid=[#USERNAME#],${target.people}"`,
          { USERNAME: login.username },
        );
        const session = await plugin.open(device(), administrator, newCall(), joining);
        await session.run?.(joining, newCall(), async () => {});
        await session.close();
      }
      const people = [...(await target.entries()).keys()].map((dn) => dn.toLowerCase());
      const members = (await target.entries()).get(group)?.["member"];
      expect(Array.isArray(members) && members.length).toBeGreaterThan(GENERATED / 2);
      // A value that broke out of its place would name somebody else, or nobody.
      for (const member of members as string[]) {
        if (member !== target.administrator.username) expect(people).toContain(member.toLowerCase());
      }
    });
  });

  describe("the directory's rules", () => {
    it("a password against the policy is refused, and nothing changes", async () => {
      await target.setPolicy({ pwdCheckQuality: "2", pwdMinLength: "12" });
      const login = await account();
      const { error } = await attempt({
        plugin,
        device: device(),
        login,
        change: own(login, new Secret("short")),
      });
      expect(error).toMatchObject({ code: "change.refused", effect: "none" });
      expect(await verdict(login)).toBe("accepted verify.accepted");
      await target.setPolicy({});
    });

    it("a password that must be changed after a reset is right all the same", async () => {
      await target.setPolicy({ pwdMustChange: "TRUE" });
      const [login, next] = [await account(), newPassword()];
      expect(await change(login, next)).toEqual({ asked: 1 });
      expect(await verdict(withPassword(login, next))).toBe("accepted verify.must-change");
      await target.setPolicy({});
    });

    it.each([
      ["looked for", () => device()],
      ["named by its DN", () => device({ userDn: `uid={username},${target.people}` })],
      ["with an attribute of its own", () => device({ directory: "attribute" })],
    ])("the account itself changes a password that it must change, %s", async (_, on) => {
      await target.setPolicy({ pwdMustChange: "TRUE" });
      const [login, reset, next] = [await account(), newPassword(), newPassword()];
      expect(await change(login, reset)).toEqual({ asked: 1 });
      const changing = withPassword(login, reset);
      expect(await attempt({ plugin, device: on(), login: changing, change: own(changing, next) })).toEqual({
        asked: 1,
      });
      expect(await verdict(withPassword(login, next))).toBe("accepted verify.accepted");
      await target.setPolicy({});
    });

    it("a template that looks round before the password is changed is told so", async () => {
      await target.setPolicy({ pwdMustChange: "TRUE" });
      const [login, reset, next] = [await account(), newPassword(), newPassword()];
      expect(await change(login, reset)).toEqual({ asked: 1 });
      const changing = withPassword(login, reset);
      const body = `find "${target.people}" (uid=[#USERNAME#])\nmod-replace userPassword "[#NEW_PASSWORD#]"`;
      const script = scriptOf(body, { USERNAME: login.username, NEW_PASSWORD: next });
      const changed = { ...own(changing, next), script };
      const { error, asked } = await attempt({ plugin, device: device(), login: changing, change: changed });
      expect(error).toMatchObject({ code: "auth.must-change", effect: "none" });
      expect(asked).toBe(0);
      await target.setPolicy({});
    });

    it("a password that is too young is not followed by others", async () => {
      await target.setPolicy({ pwdMinAge: "86400" });
      const login = await account();
      const { error } = await attempt({ plugin, device: device(), login, change: own(login, newPassword()) });
      expect(error).toMatchObject({ code: "auth.not-permitted", effect: "none" });
      expect(await verdict(login)).toBe("accepted verify.accepted");
      await target.setPolicy({});
    });

    it("an account that is locked for good is not unlocked by a change", async () => {
      await target.setPolicy({ pwdLockout: "TRUE" });
      const login = await account();
      const dn = `${rdn("uid", login.username)},${target.people}`;
      await target.set(dn, { pwdAccountLockedTime: "000001010000Z" });
      const { error, asked } = await change(login, newPassword());
      expect(error).toMatchObject({ code: "auth.locked", effect: "none" });
      expect(asked).toBe(0);
      expect(await verdict(login)).toBe("rejected verify.rejected");
      await target.setPolicy({});
    });

    it("a wrong present password changes nothing", async () => {
      await target.setPolicy({ pwdSafeModify: "TRUE" });
      const login = await account();
      const wrong = { ...own(login, newPassword()), current: newPassword() };
      const { error } = await attempt({ plugin, device: device(), login, change: wrong });
      expect(error).toMatchObject({ code: "auth.rejected", effect: "none" });
      expect(await verdict(login)).toBe("accepted verify.accepted");
      await target.setPolicy({});
    });

    it("an account that is locked out looks as if its password were wrong", async () => {
      await target.setPolicy({ pwdLockout: "TRUE", pwdMaxFailure: "2" });
      const login = await account();
      for (let tries = 0; tries < 2; tries += 1) await verdict(withPassword(login, newPassword()));
      expect(await verdict(login)).toBe("rejected verify.rejected");
      await target.setPolicy({});
    });
  });

  describe("ways to the directory", () => {
    it("StartTLS is as good as LDAPS; without TLS only where that is set", async () => {
      const login = await account();
      const startTls = device({ tls: "starttls" }, target.clearPort);
      expect(await verdict(login, startTls)).toBe("accepted verify.accepted");
      expect(await plugin.identify(startTls, newCall())).toBe(await plugin.identify(device(), newCall()));
      const unknown = { ...startTls, settings: plugin.settings.parse({ tls: "starttls" }) };
      expect(await verdict(login, unknown)).toBe("unknown target.identity-unknown");
      const clear = device({ tls: "off" }, target.clearPort);
      expect(await plugin.identify(clear, newCall())).toBeUndefined();
      expect(await verdict(login, clear)).toBe("accepted verify.accepted");
    });

    it("a log-in without a password, which every directory would take, is not made", async () => {
      const login = await account();
      expect(await verdict(withPassword(login, new Secret("")))).toBe("unknown verify.no-password-asked");
    });

    it.each([["clear"], ["ssha"]])("an attribute is replaced, stored as %s", async (store) => {
      const login = await account();
      const next = newPassword();
      const on = device({ directory: "attribute", store });
      expect(await change(login, next, on)).toEqual({ asked: 1 });
      expect(await verdict(withPassword(login, next), on)).toBe("accepted verify.accepted");
      expect(await verdict(login, on)).toBe("rejected verify.rejected");
    });

    it("two entries that fit are none", async () => {
      const login = await account();
      await target.add(`cn=twin,${target.people}`, {
        objectClass: "inetOrgPerson",
        cn: "twin",
        sn: "x",
        uid: login.username,
      });
      expect(await change(login, newPassword())).toMatchObject({ asked: 0, error: { code: "target.unexpected" } });
    });
  });

  describe("templates", () => {
    it("an account for a while is made once with its password, and is gone when it was removed", async () => {
      const login = newLogin();
      const job = async (body: string) => {
        const script = scriptOf(body, { USERNAME: login.username, NEW_PASSWORD: login.password });
        const session = await plugin.open(device(), administrator, newCall(), script);
        let passed = 0;
        await session.run?.(script, newCall(), async () => void (passed += 1)).finally(() => session.destroy());
        expect(passed).toBe(1);
      };
      const create = `create-entry "uid=[#USERNAME#],${target.people}"
        mod-add objectClass "inetOrgPerson"
        mod-add cn "[#USERNAME#]"
        mod-add sn "[#USERNAME#]"
        mod-add userPassword "[#NEW_PASSWORD#]"`;
      const remove = `find "${target.people}" (uid=[#USERNAME#])\ndelete-entry`;
      await job(create);
      expect(await verdict(login)).toBe("accepted verify.accepted");
      await expect(job(create)).rejects.toMatchObject({ code: "account.exists", refused: true });
      await job(remove);
      expect(await verdict(login, device({ userDn: `uid={username},${target.people}` }))).toBe(
        "rejected verify.rejected",
      );
      await expect(job(remove)).rejects.toMatchObject({ code: "account.unknown" });
    });

    const run = async (body: string, values: TagValues) => {
      const script = scriptOf(body, values);
      const session = await plugin.open(device(), administrator, newCall(), script);
      try {
        return await session
          .run?.(script, newCall(), async () => {})
          .then(
            () => undefined,
            (error: unknown) => error,
          );
      } finally {
        session.destroy();
      }
    };

    it.each([
      ["nothing was found", `find "dc=keyturn,dc=test" "(uid=not there)"\nmod-replace sn "x"`, "account.unknown", 1],
      [
        "more than one was found",
        `find "dc=keyturn,dc=test" (objectClass=*)\nmod-replace sn "x"`,
        "target.unexpected",
        1,
      ],
      ["nothing was looked for", `\nmod-replace sn "x"`, "target.unexpected", 2],
      ["another server is named", `connect "ldap://elsewhere.test"`, "target.unexpected", 1],
      ["a second log-in", `bind "cn=admin,dc=keyturn,dc=test"\nbind "cn=x,dc=keyturn,dc=test"`, "target.unexpected", 2],
      ["a filter is none", `find "dc=keyturn,dc=test" "(uid)"\nmod-replace sn "x"`, "target.unexpected", 1],
      ["an attribute is none", `find "dc=keyturn,dc=test" (ou=people)\nmod-replace "a b" "x"`, "target.unexpected", 2],
    ])("%s: a failure that names the line", async (_, body, code, line) => {
      const before = await stored();
      const error = await run(body, {});
      expect(error).toMatchObject({ code });
      expect(String((error as Error).message)).toMatch(new RegExp(`^line ${line}: `));
      expect(await touched(before)).toEqual([]);
    });

    it("lines after one find are carried out whole or not at all", async () => {
      const login = await account();
      const find = `find "${target.people}" (uid=[#USERNAME#])`;
      const error = await run(`${find}\nmod-replace sn "changed"\nmod-add noSuchAttribute "x"`, {
        USERNAME: login.username,
      });
      expect(error).toMatchObject({ effect: "none" });
      const entry = (await target.entries()).get(`uid=${login.username},${target.people}`);
      expect(entry?.["sn"]).toBe(login.username);
    });

    it("a refusal after something was carried out does not say that nothing changed", async () => {
      const login = await account();
      const next = newPassword();
      const find = `find "${target.people}" (uid=[#USERNAME#])`;
      const script = scriptOf(`${find}\nmod-replace userPassword "[#NEW_PASSWORD#]"\n${find}\nmod-add noSuch "x"`, {
        USERNAME: login.username,
        NEW_PASSWORD: next,
      });
      const changed = { ...other(login, next), script };
      const { error } = await attempt({ plugin, device: device(), login: administrator, change: changed });
      expect(error).toMatchObject({ effect: "unknown", refused: false });
      expect(await verdict(withPassword(login, next))).toBe("accepted verify.accepted");
    });

    it.each([
      ["that carries a password", 'mod-replace userPassword "[#NEW_PASSWORD#]"'],
      ["that changes something", 'mod-add description "rehearsed"\nmod-replace userPassword "[#NEW_PASSWORD#]"'],
      ["that deletes", 'delete-entry\ncreate-entry "uid=x"\nmod-add userPassword "[#NEW_PASSWORD#]"'],
    ])("a rehearsal finds, and stops before the first line %s", async (_what, change) => {
      const login = await account();
      const before = await stored();
      const body = `find "${target.people}" (uid=[#USERNAME#])\n${change}`;
      // As in a real one there is no new password yet.
      const script = scriptOf(body, { USERNAME: login.username });
      const session = await plugin.open(device(), administrator, newCall(), script);
      const lines: string[] = [];
      const call = { ...newCall(), transcript: (line: string) => lines.push(line) };
      expect(await session.rehearse?.(script, call)).toBe(2);
      expect(lines).toEqual([`line 1: found uid=${login.username},${target.people}`]);
      expect(await touched(before)).toEqual([]);
    });

    it("a rehearsal of a template that changes nothing comes to its end", async () => {
      const login = await account();
      const script = scriptOf(`find "${target.people}" (uid=[#USERNAME#])\nend`, { USERNAME: login.username });
      const session = await plugin.open(device(), administrator, newCall(), script);
      expect(await session.rehearse?.(script, newCall())).toBeUndefined();
    });

    it("reads every place from one entry's own DN", async () => {
      const odd = `a,b+c`;
      const login = await account(odd);
      const next = newPassword();
      const dn = `${rdn("uid", odd)},${target.people}`;
      expect(await change({ ...login, username: dn }, next)).toEqual({ asked: 1 });
      expect(await verdict({ ...login, username: dn, password: next })).toBe("accepted verify.accepted");
    });
  });
});
