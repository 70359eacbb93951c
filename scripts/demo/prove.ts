import pg from "pg";
import { Client as SshClient } from "ssh2";
import type { Client } from "../../cli/client.ts";
import type { NewToken } from "../../cli/api-types.ts";
import type { Registered } from "./register.ts";

/** Logs in without Keyturn: the driver, the account and the password, nothing else. */
type LogIn = (account: Registered, password: string) => Promise<void>;

const logInToDatabase: LogIn = async ({ target, username }, password) => {
  const client = new pg.Client({
    host: "127.0.0.1",
    port: target.port,
    user: username,
    password,
    database: "postgres",
    ssl: { ca: String(target.settings["caCertificate"]) },
  });
  await client.connect();
  await client.end();
};

const logInToHost: LogIn = ({ target, username }, password) =>
  new Promise((resolve, reject) => {
    const client = new SshClient();
    client.on("error", reject).once("ready", () => {
      client.end();
      resolve();
    });
    client.connect({ host: "127.0.0.1", port: target.port, username, password });
  });

const LOG_INS: Readonly<Record<string, LogIn>> = { postgresql: logInToDatabase, linux: logInToHost };

/** A token that may reveal, for as long as it takes. An administrator cannot reveal by itself. */
async function withCustodian<Result>(admin: Client, work: (token: string) => Promise<Result>): Promise<Result> {
  const token = await admin.post<NewToken>("v1/tokens", {
    name: "demo proof",
    owner: "demo",
    roles: ["custodian"],
    expiresAt: new Date(Date.now() + 10 * 60_000).toISOString(),
  });
  try {
    return await work(token.value);
  } finally {
    await admin.delete(`v1/tokens/${token.id}`);
  }
}

/**
 * Reveals each password and logs in with it.
 * @param connect an API client with that token
 * @returns per credential id: "logs in", or what the device said instead
 */
export function proveAll(
  admin: Client,
  connect: (token: string) => Client,
  accounts: readonly Registered[],
): Promise<Map<string, string>> {
  return withCustodian(admin, async (token) => {
    const custodian = connect(token);
    const proofs = new Map<string, string>();
    for (const account of accounts) {
      const path = `v1/credentials/${account.id}/reveal`;
      const { password } = await custodian.post<{ password: string }>(path, { reason: "demo: proof by log-in" });
      proofs.set(account.id, await prove(account, password));
    }
    return proofs;
  });
}

export const PROVEN = "logs in";

async function prove(account: Registered, password: string): Promise<string> {
  try {
    await LOG_INS[account.target.plugin]?.(account, password);
    return PROVEN;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
