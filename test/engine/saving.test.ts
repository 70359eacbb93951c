/** A change that breaks off when its password is in force and not saved: told as success only once it survives a restart. */
import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import type { Plugin } from "../../plugins/plugin.ts";
import { newId } from "../../db/new-id.ts";
import { restoreVersion } from "../../db/queries/secrets.ts";
import * as schema from "../../db/schema/index.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { type FrrTarget, startFrrTarget } from "../../scripts/targets/frr.ts";
import type { Estate } from "../helpers/estate.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { TestWorker } from "../helpers/worker.ts";
import { newCall } from "../plugins/conformance-target.ts";
import { checkDriftNow, nextDay, openDriftEstate } from "./drift-sweep.ts";

const OLD = "Old-Passw0rd-1";
const plugin = findPlugin("network-cli") as Plugin;
const settings = { transport: "telnet", account: "line" } as const;

let router: FrrTarget;
let proxy: Server;
let estate: Estate;
let worker: TestWorker;
/** What the proxy waits for, and what happens when it comes: the line itself never arrives. */
let trap: { line: string; sprung(): Promise<void> } | undefined;

beforeEach(async () => {
  router = await startFrrTarget({ password: OLD });
  proxy = createServer((client) => pass(client)).listen(0, "127.0.0.1");
  estate = await openDriftEstate({ loginFailures: 20, probes: 3 });
  worker = await TestWorker.start(estate.surroundings);
});
afterEach(async () => {
  await worker.kill();
  await estate.close();
  proxy.close();
  await router.stop();
});

function pass(client: Socket): void {
  const device = connect(router.port, router.address);
  const cut = () => {
    client.destroy();
    device.destroy();
  };
  for (const socket of [client, device]) socket.on("error", cut).on("close", cut);
  device.on("data", (data) => client.write(data));
  client.on("data", (data) => {
    if (!trap || !data.includes(trap.line)) {
      device.write(data);
      return;
    }
    const { sprung: then } = trap;
    trap = undefined;
    void then().finally(cut);
  });
}

/** A change whose line that saves never arrives. */
async function change(
  then: () => Promise<void>,
  by: { plugin: string; templateId?: string } = { plugin: "network-cli" },
) {
  trap = { line: "write memory", sprung: then };
  const { port } = proxy.address() as AddressInfo;
  const deviceId = await estate.addDevice({ address: "127.0.0.1", port, settings: { "network-cli": settings } });
  const account = { deviceId, ...by, username: "lines", password: OLD };
  const credentialId = await estate.addCredential(account);
  const [code = 0] = await estate.request(credentialId);
  const { state, outcome } = await estate.until(code);
  const attempts = await estate.attempts(code);
  expect(trap, JSON.stringify(attempts)).toBeUndefined();
  return { credentialId, state, outcome, attempts: attempts.map((attempt) => attempt.outcome) };
}

/** What logs in after the router has restarted from its saved configuration. */
async function proveAfterRestart(credentialId: string): Promise<void> {
  const current = await estate.currentPassword(credentialId);
  expect(current).not.toBe(OLD);
  await router.restart();
  const { address, port } = router;
  const device = { address, port, settings: plugin.settings.parse(settings) };
  const code = async (password: string) => {
    const login = { username: "", domain: "", additionalInfo: "", password: new Secret(password) };
    return (await plugin.verify(device, login, newCall())).code;
  };
  expect([await code(current), await code(OLD)]).toEqual(["verify.accepted", "verify.rejected"]);
}

describeAsRoot("a router whose change breaks off before it is saved", ["frr"], () => {
  it("has the new password saved before the change is told as done", async () => {
    const { credentialId, state, attempts } = await change(async () => {});
    expect([state, attempts]).toEqual(["succeeded", ["change.succeeded"]]);
    await proveAfterRestart(credentialId);
  });

  it("and restarts, so that the old password is back: the change is made again", async () => {
    const { credentialId, state, attempts } = await change(() => router.restart());
    expect([state, attempts]).toEqual(["succeeded", ["change.not-applied", "change.succeeded"]]);
    await proveAfterRestart(credentialId);
  });

  it("and cannot be saved later: nobody is told that it was changed, and both passwords are kept", async () => {
    await router.makeReadOnly();
    const { credentialId, state, outcome } = await change(async () => {});
    expect([state, outcome]).toEqual(["error", "change.unverified"]);
    expect(await estate.currentPassword(credentialId)).toBe(OLD);
    expect((await estate.versions(credentialId)).at(-1)?.status).toBe("doubtful");
  });
});

/** Saves with its last lines, as authors write it. */
const TEMPLATE = `expect "*>"
exec "enable"
expect "*#"
exec "configure terminal"
expect "*(config)#"
exec "password [#NEW_PASSWORD#]"
expect "*(config)#"
exec "end"
expect "*#"
exec "write memory"
expect "*Configuration saved*"
end
`;

describeAsRoot("a template that breaks off before its line that saves", ["frr"], () => {
  it("leaves the password that logs in, says which lines may not have been run, and after a restart the old one is found and restored", async () => {
    const templateId = newId();
    const about = {
      id: templateId,
      name: "saves",
      plugin: "telnet",
      kind: "change-password",
      activeVersion: 1,
    } as const;
    await estate.db.insert(schema.templates).values(about);
    const version = { templateId, version: 1, body: TEMPLATE, author: "tester" };
    await estate.db.insert(schema.templateVersions).values(version);
    const { credentialId, state, attempts } = await change(async () => {}, { plugin: "telnet", templateId });
    expect([state, attempts]).toEqual(["succeeded", ["change.succeeded"]]);
    const [told] = await estate.db.select().from(schema.attempts);
    expect(told?.transcript).toContain("Whether the template's lines 8, 10 was run is not known");

    await router.restart();
    await nextDay(estate);
    expect(await checkDriftNow(estate)).toEqual({ accepted: 0, rejected: 1, unknown: 0 });
    const [before] = await estate.versions(credentialId);
    await estate.db.transaction((tx) =>
      restoreVersion(tx, {
        credentialId,
        version: before?.version ?? 0,
        expectedCurrent: 2,
        reason: "the router restarted",
        actor: { actor: "test", person: "tester" },
      }),
    );
    expect(await estate.currentPassword(credentialId)).toBe(OLD);
    await nextDay(estate);
    expect(await checkDriftNow(estate)).toEqual({ accepted: 1, rejected: 0, unknown: 0 });
  });
});
