import { randomBytes } from "node:crypto";
import { startPostgresTarget } from "../targets/postgres.ts";
import { sshTargetUnavailable, startSshTarget } from "../targets/sshd.ts";

export interface DemoAccount {
  readonly username: string;
  readonly password: string;
  /** The account that logs in to change this one; absent: itself. */
  readonly authenticator?: string;
}

/** A system the demo changes passwords on. */
export interface DemoTarget {
  readonly device: string;
  readonly plugin: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of the host key, read on the host itself; where a certificate proves the device there is none. */
  readonly fingerprint?: string;
  /** Accounts that log in for others come first. */
  readonly accounts: readonly DemoAccount[];
  stop(): Promise<void>;
}

function newAccount(username: string, authenticator?: string): DemoAccount {
  const password = randomBytes(15).toString("base64url");
  return { username, password, ...(authenticator === undefined ? {} : { authenticator }) };
}

/** A PostgreSQL server with a generated authority that takes TLS and SCRAM only. */
export async function startDemoDatabase(): Promise<DemoTarget> {
  const server = await startPostgresTarget();
  const administrator = server.administrator;
  const accounts = [
    newAccount("billing_app", administrator.username),
    newAccount("reporting", administrator.username),
    newAccount("backup_job", administrator.username),
    newAccount("on_call"),
  ];
  await server.createRoles(accounts.map(({ username, password }) => ({ name: username, password })));
  return {
    device: "demo-database",
    plugin: "postgresql",
    port: server.port,
    settings: { caCertificate: server.ca },
    accounts: [administrator, ...accounts],
    stop: () => server.stop(),
  };
}

/** A private sshd with users of its own, or the reason why there can be none here. */
export async function startDemoHost(): Promise<DemoTarget | string> {
  const reason = await sshTargetUnavailable();
  if (reason !== undefined) return reason;
  const administrator = newAccount("keyturn");
  const accounts = [
    administrator,
    newAccount("deploy", administrator.username),
    newAccount("releases", administrator.username),
    newAccount("auditor"),
  ];
  const sshd = await startSshTarget({
    users: accounts.map(({ username, password }) => ({ name: username, password })),
    sudoers: `${administrator.username} ALL=(root) NOPASSWD: /usr/sbin/chpasswd`,
  });
  return {
    device: "demo-host",
    plugin: "linux",
    port: sshd.port,
    settings: {},
    fingerprint: sshd.fingerprint,
    accounts,
    stop: () => sshd.stop(),
  };
}
