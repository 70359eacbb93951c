import type { Device } from "../../contracts/devices.schema.ts";
import type { Credential } from "../../contracts/credentials.schema.ts";
import { ACCOUNTS, type Targets } from "./targets.ts";
import type { Web } from "./web.ts";

/** Which account is changed through which way: its device, and what differs from "by itself, with its password". */
interface Entry {
  readonly device: string;
  readonly through?: string;
  readonly stored?: string;
  readonly strengthId?: string;
}

/** Ids of the credentials by account. */
export type Estate = Readonly<Record<string, string>>;

/** Registers devices and credentials through the API, passwords in the bodies. */
export async function register(
  web: Web,
  targets: Targets,
  { strengthId, wrong }: { strengthId: string; wrong: string },
): Promise<Estate> {
  const devices = await addDevices(web, targets);
  const entries: Record<string, Entry> = {
    pgadmin: { device: "postgres" },
    pgowner: { device: "postgres", strengthId },
    pgother: { device: "postgres", through: "pgadmin", strengthId },
    pgwrong: { device: "postgres", stored: wrong },
    pgcut: { device: "postgres-proxied" },
    pgstalled: { device: "postgres-proxied" },
    sshadmin: { device: "sshd" },
    sshowner: { device: "sshd", strengthId },
    sshother: { device: "sshd", through: "sshadmin", strengthId },
    sshwrong: { device: "sshd", stored: wrong },
    sshcut: { device: "sshd-proxied" },
    sshstrict: { device: "strict", strengthId },
    echo: { device: "echo", strengthId },
  };
  const estate: Record<string, string> = {};
  for (const [username, { device, through, stored, strengthId: strength }] of Object.entries(entries)) {
    const { id } = await web.get<Credential>("POST", "/v1/credentials", {
      headers: { "idempotency-key": `add-${username}` },
      body: {
        deviceId: devices[device],
        plugin: ACCOUNTS.postgres.some((name) => name === username) ? "postgresql" : "linux",
        username,
        password: stored ?? targets.passwords[username],
        automaticChange: true,
        ...(through ? { useOwnCredential: false, authenticationCredentialId: estate[through] } : {}),
        ...(strength ? { strengthId: strength } : {}),
      },
    });
    estate[username] = id;
  }
  return estate;
}

async function addDevices(web: Web, targets: Targets): Promise<Record<string, string>> {
  const { postgres, sshd, strict, echo, postgresProxy, sshdProxy } = targets;
  const settings = { postgresql: { caCertificate: postgres.ca } };
  const devices = {
    postgres: { port: postgres.port, settings },
    "postgres-proxied": { port: postgresProxy.port, settings },
    sshd: { port: sshd.port, pinnedIdentity: sshd.fingerprint },
    "sshd-proxied": { port: sshdProxy.port, pinnedIdentity: sshd.fingerprint },
    strict: { port: strict.port, pinnedIdentity: strict.fingerprint },
    echo: { port: echo.device.port, pinnedIdentity: echo.device.pinnedIdentity },
  };
  const ids: Record<string, string> = {};
  for (const [name, device] of Object.entries(devices))
    ids[name] = (await web.get<Device>("POST", "/v1/devices", { body: { name, address: "127.0.0.1", ...device } })).id;
  return ids;
}
