import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Secret } from "../../contracts/secret.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { MARKER, newKey, publicHalf } from "../../plugins/ssh-key/key.ts";
import { marker } from "../../plugins/ssh-key/session.ts";
import type { Device, Login, Plugin } from "../../plugins/plugin.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import { type CuttingProxy, startCuttingProxy } from "../helpers/cutting-proxy.ts";
import { describeOnSshd, deviceOf, login as loginOf } from "../helpers/ssh.ts";
import { attempt, newCall, newLogin, other, own, withPassword } from "./conformance-target.ts";
import { addAccount, homeOf } from "./ssh-key.conformance.ts";

const plugin = findPlugin("ssh-key") as Plugin;
const ROOT = "Root-Passw0rd-1x";

describeOnSshd("ssh-key", ["openssh-server", "sudo"], () => {
  let target: SshTarget;
  let device: Device;

  beforeAll(async () => {
    target = await startSshTarget({
      users: [],
      rootPassword: ROOT,
      sudoers: "narrow ALL=(app) NOPASSWD: /usr/bin/sh",
    });
    device = deviceOf(target);
  });
  afterAll(() => target?.stop());

  async function account(username?: string): Promise<Login> {
    const login = withPassword(newLogin(username === undefined ? {} : { username }), newKey());
    await addAccount(target, login);
    return login;
  }

  const markOf = (login: Login, on = device) => marker(on, login);
  const fileOf = ({ username }: Login) => `${homeOf(username)}/.ssh/authorized_keys`;

  async function onTarget(script: string, login: Login, input = ""): Promise<string> {
    const result = await target.run(["sh", "-c", script, "sh", fileOf(login)], input);
    if (result.code !== 0) throw new Error(result.stderr);
    return result.stdout;
  }

  const linesOf = (login: Login) => onTarget('cat "$1"', login);
  const changeOwn = (login: Login, next: Secret, on = device) =>
    attempt({ plugin, device: on, login, change: own(login, next) });

  async function verdict(login: Login, key = login.password): Promise<string> {
    const { verdict: said, code } = await plugin.verify(device, withPassword(login, key), newCall());
    return `${said} ${code}`;
  }

  it("touches no line of anybody else, and neither mode, owner nor link of the file", async () => {
    const login = await account();
    const foreign = [
      "# a comment with our words managed-by-keyturn",
      `${publicHalf(newKey())} somebody@else`,
      "",
      `from="10.0.0.0/8",command="echo ${MARKER} x" ${publicHalf(newKey())} a comment of ${MARKER}s`,
      "\tssh-rsa AAAA\\n not a whole key $(touch /tmp/x) `id`",
    ];
    const options = 'from="127.0.0.1,::1",no-agent-forwarding ';
    // The last line has no end.
    const text = `${foreign.join("\n")}\n${options}${publicHalf(login.password)} mine`;
    await onTarget('cat >"$1" && chmod 640 "$1" && mv "$1" "$1.real" && ln -s authorized_keys.real "$1"', login, text);
    const before = await onTarget('stat -L -c "%a %U %G" "$1"', login);
    const next = newKey();
    expect(await changeOwn(login, next)).toEqual({ asked: 1 });
    expect(await linesOf(login)).toBe(`${foreign.join("\n")}\n${options}${publicHalf(next)} ${markOf(login)}\n`);
    expect(await onTarget('stat -L -c "%a %U %G" "$1"', login)).toBe(before);
    expect(await onTarget('readlink "$1"; ls -A "${1%/*}"', login)).toBe(
      "authorized_keys.real\nauthorized_keys\nauthorized_keys.real\n",
    );
    expect(await verdict(login, next)).toBe("accepted verify.accepted");
    expect(await verdict(login)).toBe("rejected verify.rejected");
  });

  it("keeps a key that it did not make and is not told of, and sweeps up those it made and never proved", async () => {
    const login = await account();
    const [first, stray, next] = [login.password, newKey(), newKey()];
    await onTarget('cat >"$1"', login, `${publicHalf(first)} theirs\n${publicHalf(stray)} ${markOf(login)}\n`);
    const root = loginOf("root", ROOT);
    expect(await attempt({ plugin, device, login: root, change: other(login, next) })).toEqual({ asked: 1 });
    expect(await linesOf(login)).toBe(`${publicHalf(first)} theirs\n${publicHalf(next)} ${markOf(login)}\n`);
    const known = { ...other(login, newKey()), current: first };
    expect(await attempt({ plugin, device, login: root, change: known })).toEqual({ asked: 1 });
    expect(await linesOf(login)).toBe(`${publicHalf(known.next)} ${markOf(login)}\n`);
  });

  it("credentials that share a file, of one system or of several, keep each other's keys", async () => {
    const login = await account();
    const second = { ...withPassword(login, newKey()), additionalInfo: "deployment" };
    const third = { ...withPassword(login, newKey()) };
    const shared = { ...device, address: "localhost" };
    const holders = [
      { holder: login, on: device },
      { holder: second, on: device },
      { holder: third, on: shared },
    ];
    const lines = holders.map(({ holder }) => `${publicHalf(holder.password)} ${MARKER}\n`);
    await onTarget('cat >"$1"', login, lines.join(""));
    for (let round = 0; round < 2; round += 1) {
      const nexts = holders.map(() => newKey());
      const done = await Promise.all(holders.map(({ holder, on }, at) => changeOwn(holder, nexts[at] as Secret, on)));
      expect(done).toEqual(holders.map(() => ({ asked: 1 })));
      const expected = holders.map(({ holder, on }, at) => `${publicHalf(nexts[at] as Secret)} ${markOf(holder, on)}`);
      expect((await linesOf(login)).trim().split("\n").toSorted()).toEqual(expected.toSorted());
      for (const [at, each] of holders.entries()) each.holder = withPassword(each.holder, nexts[at] as Secret);
    }
  });

  it("finds the present key behind tabs, many blanks and line ends of Windows, and keeps its first line's rights", async () => {
    const login = await account();
    const [type, key] = (publicHalf(login.password) ?? "").split(" ");
    const lines = [
      `  # ${type} ${key} as it was\r`,
      `restrict,from="127.0.0.1,::1"\t${type} \t ${key}\r`,
      `${type}   ${key} once more\r`,
      ` \t# ${type} ${key}\r`,
    ];
    await onTarget('cat >"$1"', login, `${lines.join("\n")}\n`);
    const next = newKey();
    expect(await changeOwn(login, next)).toEqual({ asked: 1 });
    const rest = `restrict,from="127.0.0.1,::1"\t${publicHalf(next)} ${markOf(login)}`;
    expect(await linesOf(login)).toBe(`${lines[0]}\n${lines[3]}\n${rest}\n`);
    expect(await verdict(login)).toBe("rejected verify.rejected");
  });

  it("gives an account its first key, in a folder of its own", async () => {
    const login = await account();
    await onTarget('rm -r "${1%/*}"', login);
    const next = newKey();
    const change = other(login, next);
    expect(await attempt({ plugin, device, login: loginOf("root", ROOT), change })).toEqual({ asked: 1 });
    expect(await verdict(login, next)).toBe("accepted verify.accepted");
    const modes = await onTarget('stat -c "%a %U" "${1%/*}" "$1"', login);
    expect(modes).toBe(`700 ${login.username}\n600 ${login.username}\n`);
  });

  it("needs no more of sudo than a shell of that one account", async () => {
    const [narrow, app, another] = [await account("narrow"), await account("app"), await account()];
    const next = newKey();
    const change = { ...other(app, next), current: app.password };
    expect(await attempt({ plugin, device, login: narrow, change })).toEqual({ asked: 1 });
    expect(await verdict(app, next)).toBe("accepted verify.accepted");
    const { error } = await attempt({ plugin, device, login: narrow, change: other(another, newKey()) });
    expect(error).toMatchObject({ code: "auth.not-permitted", effect: "none" });
    expect(await verdict(another)).toBe("accepted verify.accepted");
  });

  it("a key that comes too late is not added", async () => {
    const login = await account();
    const before = await linesOf(login);
    const late = () => new Promise<void>((resolve) => setTimeout(resolve, 6500));
    const change = own(login, newKey());
    const { error } = await attempt({ plugin, device, login, change, pointOfNoReturn: late });
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(await linesOf(login)).toBe(before);
  });

  it("waits for the lock of the file and goes away when it stays; one that was left behind is taken away", async () => {
    const login = await account();
    const before = await linesOf(login);
    await onTarget('mkdir "$1.lock" && chmod 777 "$1.lock"', login);
    const { error } = await changeOwn(login, newKey());
    expect(error).toMatchObject({ code: "target.busy", effect: "none" });
    expect(await linesOf(login)).toBe(before);
    await onTarget('touch -d "5 minutes ago" "$1.lock"', login);
    expect(await changeOwn(login, newKey())).toEqual({ asked: 1 });
  });

  it("an account that has expired has its key proven all the same", async () => {
    const login = await account();
    await target.run(["chage", "-E", "0", login.username]);
    expect(await verdict(login)).toBe("accepted verify.account-expired");
    expect(await verdict(login, newKey())).toBe("rejected verify.rejected");
  });

  it("a server that does not read the file gets its key taken back", async () => {
    const elsewhere = await startSshTarget({
      users: [],
      rootPassword: ROOT,
      sshdConfig: ["AuthorizedKeysFile /etc/ssh/keys-%u"],
    });
    try {
      const login = withPassword(newLogin(), newKey());
      await addAccount(elsewhere, login);
      const there = deviceOf(elsewhere);
      const change = other(login, newKey());
      const { error } = await attempt({ plugin, device: there, login: loginOf("root", ROOT), change });
      expect(error).toMatchObject({ code: "auth.not-permitted", effect: "none" });
      const lines = await elsewhere.run(["cat", fileOf(login)]);
      expect(lines.stdout).toBe(`${publicHalf(login.password)} ${markOf(login, there)}\n`);
    } finally {
      await elsewhere.stop();
    }
  });

  it("a server that takes passwords only proves no key", async () => {
    const closed = await startSshTarget({ users: [], sshdConfig: ["PubkeyAuthentication no"] });
    try {
      const login = withPassword(newLogin(), newKey());
      const result = await plugin.verify(deviceOf(closed), login, newCall());
      expect(result).toEqual({ verdict: "unknown", code: "auth.not-permitted" });
    } finally {
      await closed.stop();
    }
  });

  describe("lost on the way", () => {
    let proxy: CuttingProxy;
    beforeAll(async () => {
      proxy = await startCuttingProxy(target.port);
    });
    afterAll(() => proxy?.stop());

    // The adding takes the first 200 bytes or so, the log-in that proves the key 2,500, the rest is the removing.
    for (const limit of [0, 1, 100, 200, 300, 1000, 2000, 2500, 3000, 4000, 5000, 6000])
      it(`after ${limit} bytes: a stored key logs in, and the next change leaves one`, async () => {
        const login = await account();
        const next = newKey();
        const proxied = { ...device, port: proxy.port };
        const pointOfNoReturn = async () => proxy.cutAfter({ toDevice: limit });
        const change = own(login, next);
        const { error } = await attempt({ plugin, device: proxied, login, change, pointOfNoReturn });
        proxy.resume();
        if (error !== undefined) expect(error).toMatchObject({ effect: "unknown" });
        await new Promise((resolve) => setTimeout(resolve, 500));
        const stored = [login.password, next];
        const alive: Secret[] = [];
        for (const key of stored) if ((await verdict(login, key)).startsWith("accepted")) alive.push(key);
        expect(alive.length).toBeGreaterThan(0);
        if (error === undefined) expect(alive).toEqual([next]);
        const holder = withPassword(login, alive.at(-1) ?? next);
        const last = newKey();
        expect(await changeOwn(holder, last)).toEqual({ asked: 1 });
        expect(await linesOf(login)).toBe(`${publicHalf(last)} ${markOf(login)}\n`);
      });

    it("where both were left, the new one's first change removes the old one, who ever had put it there", async () => {
      const login = await account();
      await onTarget('cat >"$1"', login, `${publicHalf(login.password)} theirs, by hand\n`);
      const next = newKey();
      const proxied = { ...device, port: proxy.port };
      const pointOfNoReturn = async () => proxy.cutAfter({ toDevice: 400 });
      const cut = await attempt({ plugin, device: proxied, login, change: own(login, next), pointOfNoReturn });
      proxy.resume();
      expect(cut.error).toMatchObject({ effect: "unknown" });
      await expect.poll(() => verdict(login, next)).toBe("accepted verify.accepted");
      expect(await verdict(login)).toBe("accepted verify.accepted");
      const last = newKey();
      expect(await changeOwn(withPassword(login, next), last)).toEqual({ asked: 1 });
      expect(await linesOf(login)).toBe(`${publicHalf(last)} ${markOf(login)}\n`);
    });

    it("the device loses its power after the key has come: the old one logs in, and the new one", async () => {
      const login = await account();
      const next = newKey();
      const proxied = { ...device, port: proxy.port };
      const pointOfNoReturn = async () => proxy.cutAfter({ toDevice: 300 });
      await attempt({ plugin, device: proxied, login, change: own(login, next), pointOfNoReturn });
      proxy.resume();
      await target.kill();
      await target.start();
      expect(await verdict(login)).toBe("accepted verify.accepted");
    });
  });
});
