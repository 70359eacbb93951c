/** Reaching a device, its host key, and every way a log-in can end, on a real sshd. */
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linux } from "../../plugins/linux/index.ts";
import { startSshTarget, type SshTarget } from "../../scripts/targets/sshd.ts";
import {
  answer,
  call,
  describeOnSshd,
  deviceOf,
  FIRST,
  freshPassword,
  login,
  otherChange,
  ownChange,
  users,
  withTarget,
} from "../helpers/ssh.ts";

const INTERACTIVE = ["KbdInteractiveAuthentication yes"];

function opening(target: SshTarget, username: string, password: string, talk = call()) {
  return linux.open(deviceOf(target), login(username, password), talk);
}

describeOnSshd("linux: host key", ["openssh-server"], () => {
  let target: SshTarget;
  beforeAll(async () => {
    target = await startSshTarget({ users: users("kt_own") });
  });
  afterAll(() => target.stop());

  test("identify gives the fingerprint and logs nobody in", async () => {
    expect(await linux.identify(deviceOf(target), call())).toBe(target.fingerprint);
    expect(await target.log("sshd.log")).not.toMatch(/password|user/);
  });

  test.each([
    { pin: undefined, code: "target.identity-unknown" },
    { pin: "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", code: "target.identity-mismatch" },
  ])("pinned $pin: $code, and no name or password is sent", async ({ pin, code }) => {
    const { pinnedIdentity: _, ...device } = deviceOf(target);
    const unsure = pin === undefined ? device : { ...device, pinnedIdentity: pin };
    const talk = call();
    await expect(linux.open(unsure, login("kt_own", FIRST), talk)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(target.fingerprint),
    });
    expect(await linux.verify(unsure, login("kt_own", FIRST), talk)).toEqual({ verdict: "unknown", code });
    expect(talk.lines).toEqual([]);
    expect(await target.log("sshd.log")).not.toContain("kt_own");
  });
});

describeOnSshd("linux: log-in", ["openssh-server"], () => {
  let target: SshTarget;
  let interactive: SshTarget;
  const accounts = users("kt_own", "kt_locked", "kt_expired", "kt_must");

  beforeAll(async () => {
    target = await startSshTarget({ users: accounts });
    interactive = await startSshTarget({ users: accounts, sshdConfig: INTERACTIVE });
    for (const each of [target, interactive]) {
      await each.run(["usermod", "-L", "kt_locked"]);
      await each.run(["chage", "-E", "0", "kt_expired"]);
      await each.run(["chage", "-d", "0", "kt_must"]);
    }
  });
  afterAll(async () => {
    await target.stop();
    await interactive.stop();
  });

  test.each([
    { user: "kt_own", right: "verify.accepted" },
    { user: "kt_locked", right: "verify.rejected" },
    { user: "kt_nobody", right: "verify.rejected" },
    { user: "kt_expired", right: "verify.account-expired" },
    { user: "kt_must", right: "verify.must-change" },
  ])("$user: the right password is $right, a wrong one rejected, by both methods", async ({ user, right }) => {
    for (const each of [target, interactive]) {
      expect(await answer(each, user, FIRST)).toBe(right);
      expect(await answer(each, user, "a-wrong-one")).toBe("verify.rejected");
    }
  });

  test("keyboard-interactive is taken where it is offered", async () => {
    await answer(interactive, "kt_own", FIRST);
    expect(await interactive.log("sshd.log")).toContain("Accepted keyboard-interactive/pam for kt_own");
    await answer(target, "kt_own", FIRST);
    expect(await target.log("sshd.log")).toContain("Accepted password for kt_own");
  });

  test.each([
    { user: "kt_own", password: "a-wrong-one", code: "auth.rejected" },
    { user: "kt_locked", password: FIRST, code: "auth.rejected" },
    { user: "kt_nobody", password: FIRST, code: "auth.rejected" },
    { user: "kt_expired", password: FIRST, code: "auth.expired" },
  ])("open as $user ends $code by both methods", async ({ user, password, code }) => {
    for (const each of [target, interactive])
      await expect(opening(each, user, password)).rejects.toMatchObject({ code });
  });

  test("a change demanded inside keyboard-interactive is not answered", async () => {
    const talk = call();
    await expect(opening(interactive, "kt_must", FIRST, talk)).rejects.toMatchObject({ code: "auth.must-change" });
    expect(talk.lines.filter((line) => line.startsWith(">"))).toEqual(["> the password"]);
  });

  test("a wrong password costs one failed log-in", async () => {
    const failures = async (each: SshTarget) =>
      (await each.log("sshd.log")).match(/Failed (?:password|keyboard-interactive\/pam) for (?:invalid user )?kt_own/g)
        ?.length ?? 0;
    for (const each of [target, interactive]) {
      const before = await failures(each);
      await answer(each, "kt_own", "a-wrong-one");
      await expect(opening(each, "kt_own", "a-wrong-one")).rejects.toMatchObject({ code: "auth.rejected" });
      await expect.poll(() => failures(each)).toBe(before + 2);
    }
  });
});

describeOnSshd("linux: odd servers", ["openssh-server"], () => {
  test("a locked account is told where the server tells it, and costs no try", async () => {
    const pam = `auth required pam_faillock.so preauth dir=/run/faillock deny=2
auth [success=1 default=bad] pam_unix.so nodelay
auth [default=die] pam_faillock.so authfail dir=/run/faillock deny=2
auth required pam_faillock.so authsucc dir=/run/faillock deny=2
account required pam_permit.so
session required pam_permit.so
`;
    const options = { users: users("kt_own"), sshdConfig: INTERACTIVE, files: { "pam.d/sshd": pam } };
    await withTarget(options, async (target) => {
      expect(await answer(target, "kt_own", "a-wrong-one")).toBe("verify.rejected");
      expect(await answer(target, "kt_own", "a-wrong-one")).toBe("verify.rejected");
      const talk = call();
      await expect(opening(target, "kt_own", FIRST, talk)).rejects.toMatchObject({
        code: "auth.locked",
        message: expect.stringContaining("locked due to 2 failed logins"),
      });
      expect(talk.lines.filter((line) => line.startsWith(">"))).toEqual([]);
      expect(await answer(target, "kt_own", FIRST)).toBe("auth.locked");
      await target.run(["faillock", "--dir", "/run/faillock", "--user", "kt_own", "--reset"]);
      expect(await answer(target, "kt_own", FIRST)).toBe("verify.accepted");
    });
  });

  test.each([
    { method: "none", sshdConfig: ["PermitEmptyPasswords yes"] },
    { method: "keyboard-interactive without a question", sshdConfig: INTERACTIVE },
  ])("a server that lets in by $method proves nothing", async ({ sshdConfig }) => {
    const files = {
      "pam.d/sshd": "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
    };
    await withTarget({ users: users("kt_open"), sshdConfig, files }, async (target) => {
      for (const password of [FIRST, "anything"]) {
        const said = await linux.verify(deviceOf(target), login("kt_open", password), call());
        expect(said).toEqual({ verdict: "unknown", code: "verify.no-password-asked" });
      }
    });
  });

  test("MaxAuthTries 1 leaves room for the one try, and a wrong one is still rejected", async () => {
    for (const extra of [[], INTERACTIVE]) {
      await withTarget({ users: users("kt_own"), sshdConfig: ["MaxAuthTries 1", ...extra] }, async (target) => {
        expect(await answer(target, "kt_own", FIRST)).toBe("verify.accepted");
        expect(await answer(target, "kt_own", "a-wrong-one")).toBe("verify.rejected");
      });
    }
  });

  test("an sshd that has no keyboard-interactive behind its offer is asked by password", async () => {
    await withTarget({ users: users("kt_own"), sshdConfig: ["UsePAM no", ...INTERACTIVE] }, async (target) => {
      expect(await answer(target, "kt_own", FIRST)).toBe("verify.accepted");
      expect(await answer(target, "kt_own", "a-wrong-one")).toBe("verify.rejected");
    });
  });

  test("a server that takes no password is left to a person", async () => {
    await withTarget({ users: users("kt_own"), sshdConfig: ["AuthenticationMethods publickey"] }, async (target) => {
      const talk = call();
      await expect(opening(target, "kt_own", FIRST, talk)).rejects.toMatchObject({ code: "target.needs-human" });
      expect(talk.lines).toEqual([]);
    });
  });

  test("a server with too many log-ins under way is busy, and works again afterwards", async () => {
    await withTarget({ users: users("kt_own"), sshdConfig: ["MaxStartups 1"] }, async (target) => {
      const other = connect(target.port, target.address);
      await once(other, "data");
      await expect(opening(target, "kt_own", FIRST)).rejects.toMatchObject({ code: "target.busy" });
      expect(await answer(target, "kt_own", FIRST)).toBe("target.busy");
      other.destroy();
      await expect.poll(() => answer(target, "kt_own", FIRST)).toBe("verify.accepted");
    });
  });

  test("a session that was cut is not reusable, and a change on it sends nothing", async () => {
    await withTarget({ users: users("kt_own"), rootPassword: FIRST }, async (target) => {
      const session = await opening(target, "root", FIRST);
      await target.kill();
      await expect.poll(() => session.reusable()).toBe(false);
      let passed = false;
      const applied = session.apply(otherChange("kt_own", freshPassword()), call(), async () => void (passed = true));
      await expect(applied).rejects.toMatchObject({ code: "target.connection-lost" });
      expect(passed).toBe(false);
      expect(await answer(target, "kt_own", FIRST)).toBe("target.unreachable");
      await target.start();
      expect(await answer(target, "kt_own", FIRST)).toBe("verify.accepted");
    });
  });

  test("the device dies right after the password was confirmed: nothing is claimed", async () => {
    await withTarget({ users: users("kt_own") }, async (target) => {
      const session = await opening(target, "kt_own", FIRST);
      const applied = session.apply(ownChange("kt_own", FIRST, freshPassword()), call(), () => target.kill());
      await expect(applied).rejects.toMatchObject({ code: "target.connection-lost", refused: false });
    });
  });
});

describeOnSshd("linux: what is no sshd", [], () => {
  async function listening(onConnection: (socket: Socket) => void) {
    const server = createServer(onConnection).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const device = { address: "127.0.0.1", port: address.port, settings: {}, pinnedIdentity: "SHA256:x" };
    return { device, [Symbol.asyncDispose]: async () => void server.close() };
  }

  test.each([
    { name: "hangs up", behave: (socket: Socket) => socket.destroy(), code: "target.busy" },
    {
      name: "speaks HTTP",
      behave: (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      code: "target.unexpected",
    },
    { name: "says nothing", behave: () => undefined, code: "target.timeout" },
    {
      name: "stops after its greeting",
      behave: (socket: Socket) => socket.write("SSH-2.0-x\r\n"),
      code: "target.timeout",
    },
    {
      name: "ends after its greeting",
      behave: (socket: Socket) => socket.end("SSH-2.0-x\r\n"),
      code: "target.connection-lost",
    },
  ])("a server that $name: $code", async ({ behave, code }) => {
    const sockets: Socket[] = [];
    await using server = await listening((socket) => {
      sockets.push(socket);
      behave(socket);
    });
    // Only where its end is what is waited for: a busy machine is late with any answer.
    const talk = call(code === "target.timeout" ? { connectTimeoutMs: 300 } : {});
    await expect(linux.open(server.device, login("kt_own", FIRST), talk)).rejects.toMatchObject({ code });
    await expect(linux.identify(server.device, talk)).rejects.toMatchObject({ code });
    expect((await linux.verify(server.device, login("kt_own", FIRST), talk)).code).toBe(code);
    for (const socket of sockets) socket.destroy();
  });

  test("a closed port and an unknown name are unreachable", async () => {
    const closed = await listening(() => undefined);
    await closed[Symbol.asyncDispose]();
    for (const device of [closed.device, { ...closed.device, address: "no-such-host.invalid" }]) {
      await expect(linux.open(device, login("kt_own", FIRST), call())).rejects.toMatchObject({
        code: "target.unreachable",
      });
    }
  });

  test("a call that is stopped ends at once", async () => {
    await using server = await listening(() => undefined);
    const ending = new AbortController();
    const opened = linux.open(
      server.device,
      login("kt_own", FIRST),
      call({ signal: ending.signal, connectTimeoutMs: 60_000 }),
    );
    ending.abort();
    await expect(opened).rejects.toMatchObject({ code: "target.timeout" });
  });
});
