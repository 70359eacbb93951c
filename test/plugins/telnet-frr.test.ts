import { afterAll, describe, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Device, Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type FrrTarget, startFrrTarget } from "../../scripts/targets/frr.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { login } from "../helpers/ssh.ts";
import { attempt, expectFailure, newCall, own } from "./conformance-target.ts";

const plugin = findPlugin("telnet") as Plugin;
const OLD = "Old-Passw0rd-1";
const NEW = "New-Passw0rd-2";

/** After the log-in. */
const CHANGE = `expect "*>"
exec "enable"
expect "*assword:"
exec "[#CURRENT_PASSWORD#]"
expect "*#"
exec "configure terminal"
expect "*(config)#"
exec "password [#NEW_PASSWORD#]"
no-expect "*Unknown command*"
expect "*(config)#"
exec "enable password [#NEW_PASSWORD#]"
expect "*(config)#"
exec "end"
expect "*#"
exec "write memory"
expect "*Configuration saved*"
exec "exit"
end
`;
const LOG_IN = `expect "*assword:"
exec "[#CURRENT_PASSWORD#]"
`;

const routers: FrrTarget[] = [];
afterAll(() => Promise.all(routers.map((router) => router.stop())));

async function start(): Promise<FrrTarget> {
  const router = await startFrrTarget({ password: OLD, enablePassword: OLD });
  routers.push(router);
  return router;
}

function deviceOf({ address, port }: FrrTarget, settings: object = {}): Device {
  return { address, port, settings: plugin.settings.parse(settings) };
}

function change(device: Device, body: string, next = NEW, password = OLD) {
  const as = login("admin", password);
  const wanted = own(as, new Secret(next));
  const script = bindTemplate(plugin, body, { login: as, change: wanted, device });
  return attempt({ plugin, device, login: as, change: { ...wanted, script } });
}

async function verdict(device: Device, password: string): Promise<string> {
  return (await plugin.verify(device, login("admin", password), newCall({ readTimeoutMs: 4000 }))).code;
}

describeAsRoot("telnet on FRR", ["frr"], () => {
  it.concurrent.each([
    ["after a log-in of the plugin's", CHANGE],
    ["that logs in by itself and says so", `set-no-authenticate\n${LOG_IN}${CHANGE}`],
    ["that logs in by itself and does not say so", `${LOG_IN}${CHANGE}`],
    ["with its own prompt and lines of Windows", `set-new-line-mode "windows"\nset-password-prompt "word:"\n${CHANGE}`],
  ])("a template %s changes both passwords, over a restart", async (_, body) => {
    const router = await start();
    const device = deviceOf(router);
    expect(await change(device, body)).toEqual({ asked: 1 });
    await router.restart();
    expect(await verdict(device, NEW)).toBe("verify.accepted");
    expect(await verdict(device, OLD)).toBe("verify.rejected");
  });

  it.concurrent("ten routers at once", async () => {
    const devices = (await Promise.all(Array.from({ length: 10 }, start))).map((router) => deviceOf(router));
    const results = await Promise.all(devices.map((device, index) => change(device, CHANGE, `${NEW}-${index}`)));
    expect(results).toEqual(devices.map(() => ({ asked: 1 })));
    for (const [index, device] of devices.entries()) {
      expect(await verdict(device, `${NEW}-${index}`)).toBe("verify.accepted");
      expect(await verdict(device, OLD)).toBe("verify.rejected");
    }
  });

  describe.concurrent("prompts", () => {
    it("that never come are no verdict", async () => {
      const device = deviceOf(await start(), { passwordPrompt: "Kennwort:" });
      expect(await verdict(device, OLD)).toMatch(/^target\.(?:needs-human|timeout)$/);
    });

    it("a command prompt that never comes is no verdict either, though the device took the password", async () => {
      const device = deviceOf(await start(), { commandPrompt: "$" });
      expect(await verdict(device, OLD)).toBe("target.unexpected");
    });
  });

  it.concurrent("a wrong password changes nothing, with a log-in of the plugin's or of the template", async () => {
    const device = deviceOf(await start());
    const first = await change(device, CHANGE, NEW, "Wrong-Passw0rd");
    expectFailure(first.error, { code: "auth.rejected", effect: "none" });
    expect(first.asked).toBe(0);
    const second = await change(device, LOG_IN + CHANGE, NEW, "Wrong-Passw0rd");
    expectFailure(second.error, { effect: "none" });
    expect(second.asked).toBe(0);
    expect(await verdict(device, OLD)).toBe("verify.accepted");
  });

  it.concurrent("a rehearsal stops before the first password", async () => {
    const device = deviceOf(await start());
    const as = login("admin", OLD);
    const script = bindTemplate(plugin, CHANGE, { login: as, change: own(as, new Secret(NEW)), device });
    const session = await plugin.open(device, as, newCall(), script);
    expect(await session.rehearse?.(script, newCall())).toBe(4);
    expect(await verdict(device, OLD)).toBe("verify.accepted");
  });
});
