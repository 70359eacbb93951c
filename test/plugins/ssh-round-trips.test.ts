/** What is asked for together over SSH: a device that answers only when it must has no answer to wait for. */
import type { ServerChannel } from "ssh2";
import { describe, expect, test } from "vitest";
import type { Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type FakeBehaviour, linesOf, startFakeSsh } from "../helpers/fake-ssh.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { call, FIRST, login, ownChange } from "../helpers/ssh.ts";

const plugin = findPlugin("ssh") as Plugin;
const owner = login("kt_own", FIRST);
const TEMPLATE = 'exec "passwd"\nexpect "*ew password:"\nexec "[#NEW_PASSWORD#]"\nexpect "*updated*"\n';

/** Changes a password on a device like that, which plays passwd. What it was given, and how it ended. */
async function change(behaviour: Partial<FakeBehaviour>): Promise<{ error: unknown; given: string[] }> {
  const given: string[] = [];
  async function play(stream: ServerChannel): Promise<void> {
    const next = linesOf(stream);
    for (const says of ["kt_own@host:~$ ", "New password: ", "updated\r\nkt_own@host:~$ "]) {
      stream.write(says);
      given.push(await next());
    }
  }
  const fake = await startFakeSsh({
    authenticate: (context) => (context.method === "password" ? context.accept() : context.reject(["password"])),
    shell: (stream) => void play(stream).catch(() => undefined),
    ...behaviour,
  });
  const asked = ownChange("kt_own", FIRST, "Zq8-wobble_Fen+tarn.42");
  const script = bindTemplate(plugin, TEMPLATE, { login: owner, change: asked });
  try {
    const session = await plugin.open(fake.device, owner, call(), script);
    const error: unknown = await session
      .apply({ ...asked, script }, call(), async () => {})
      .catch((reason: unknown) => reason);
    session.destroy();
    return { error, given };
  } finally {
    fake.stop();
  }
}

describe("over SSH", () => {
  test("the ways to log in are asked for with the service, and the shell with its terminal", async () => {
    expect(await change({ slow: true })).toEqual({ error: undefined, given: ["passwd", "Zq8-wobble_Fen+tarn.42"] });
  });

  test.each([false, true])("a terminal that is refused ends the change, however late: %s", async (slow) => {
    const { error, given } = await change({ slow, refusesTerminal: true });
    expect(error).toMatchObject({ code: "auth.not-permitted", effect: "none" });
    expect(given).toEqual([]);
  });

  test("a password that is wrong is told from one that was not asked for", async () => {
    const verify = async (accepted: string) => {
      const fake = await startFakeSsh({
        slow: true,
        authenticate: (context) =>
          context.method === "password" && context.password === accepted
            ? context.accept()
            : context.reject(["password"]),
      });
      try {
        return (await plugin.verify(fake.device, owner, call(), undefined)).verdict;
      } finally {
        fake.stop();
      }
    };
    expect(await verify(FIRST)).toBe("accepted");
    expect(await verify(`${FIRST}x`)).toBe("rejected");
  });
});
