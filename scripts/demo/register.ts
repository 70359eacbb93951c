import type { Client } from "../../cli/client.ts";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { Device } from "../../contracts/devices.schema.ts";
import type { DemoTarget } from "./targets.ts";

/** A registered account, with what is needed to prove its password. */
export interface Registered {
  readonly id: string;
  readonly account: string;
  readonly username: string;
  readonly target: DemoTarget;
}

/** The device of an earlier demo ended with its servers: it makes room for the new one and stays in the history. */
async function retire(api: Client, name: string): Promise<void> {
  const { items: devices } = await api.list<Device>("v1/devices", { name, active: true });
  for (const device of devices.filter((one) => one.name === name)) {
    const { items } = await api.list<Credential>("v1/credentials", { deviceId: device.id, active: true });
    // Those that log in for others go last.
    for (const credential of items.toSorted(
      (one, other) => Number(one.useOwnCredential) - Number(other.useOwnCredential),
    ))
      await api.patch(`v1/credentials/${credential.id}`, { active: false }, credential.revision);
    const { revision } = await api.get<Device>(`v1/devices/${device.id}`);
    await api.patch(`v1/devices/${device.id}`, { active: false }, revision);
  }
}

/** Registers a target with its accounts, as an administrator would by the command line. */
export async function registerTarget(api: Client, target: DemoTarget): Promise<Registered[]> {
  await retire(api, target.device);
  const device = await api.post<Device>("v1/devices", {
    name: target.device,
    address: "127.0.0.1",
    port: target.port,
    tags: ["demo"],
    settings: { [target.plugin]: target.settings },
    pinnedIdentity: target.fingerprint,
  });
  const ids = new Map<string, string>();
  const registered: Registered[] = [];
  for (const { username, password, authenticator } of target.accounts) {
    const credential = await api.post<Credential>("v1/credentials", {
      deviceId: device.id,
      plugin: target.plugin,
      username,
      password,
      automaticChange: true,
      useOwnCredential: authenticator === undefined,
      authenticationCredentialId: authenticator === undefined ? undefined : ids.get(authenticator),
    });
    ids.set(username, credential.id);
    registered.push({ id: credential.id, account: `${username}@${target.device}`, username, target });
  }
  return registered;
}
