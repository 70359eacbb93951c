import { randomUUID } from "node:crypto";
import pg from "pg";
import { scramVerifier } from "../plugins/postgresql/scram.ts";
import { makeCertificates } from "../scripts/engine/certificates.ts";
import type { Instance } from "../scripts/engine/instance.ts";
import { startPostgres } from "../scripts/engine/postgres.ts";
import { load } from "./load.ts";
import { type BareLoop, type BenchAccount, type BenchTarget, benchAccounts, newPassword } from "./target.ts";

type LogIn = (port: number, account: BenchAccount) => Promise<pg.Client>;

function logInWith(ca: string): LogIn {
  return async (port, { username, password }) => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port,
      user: username,
      password,
      database: "postgres",
      ssl: { ca },
    });
    await client.connect();
    return client;
  };
}

/** As the plugin does it: the server gets the verifier, never the clear text. */
async function alterRole({ username, password }: BenchAccount): Promise<string> {
  return `ALTER ROLE ${pg.escapeIdentifier(username)} PASSWORD ${pg.escapeLiteral(await scramVerifier(password))}`;
}

function bareLoops(logIn: LogIn, administrator: BenchAccount): BareLoop[] {
  async function changeAndProve(admin: pg.Client, port: number, account: BenchAccount): Promise<void> {
    account.password = newPassword();
    await admin.query(await alterRole(account));
    await (await logIn(port, account)).end();
  }
  return [
    {
      title: "bare pg loop, administrator logs in for each",
      run: (port, accounts, concurrency) =>
        load(accounts, concurrency, async (account) => {
          const admin = await logIn(port, administrator);
          await changeAndProve(admin, port, account);
          await admin.end();
        }),
    },
    {
      title: "bare pg loop, administrator's connection kept",
      run: async (port, accounts, concurrency) => {
        const admins = await Promise.all(Array.from({ length: concurrency }, () => logIn(port, administrator)));
        const measured = await load(accounts, concurrency, (account, lane) =>
          changeAndProve(admins[lane] as pg.Client, port, account),
        );
        await Promise.all(admins.map((admin) => admin.end()));
        return measured;
      },
    },
  ];
}

async function createRoles(admin: pg.Client, accounts: readonly BenchAccount[]): Promise<void> {
  const BATCH = 500;
  for (let start = 0; start < accounts.length; start += BATCH) {
    const statements = await Promise.all(
      accounts
        .slice(start, start + BATCH)
        .map(
          async (account) => `CREATE ROLE ${pg.escapeIdentifier(account.username)} LOGIN; ${await alterRole(account)};`,
        ),
    );
    await admin.query(statements.join("\n"));
  }
}

/** A PostgreSQL server with TLS and SCRAM and `count` roles; its superuser changes their passwords. */
export async function startPostgresTarget(count: number, instance: Instance): Promise<BenchTarget> {
  const certificates = makeCertificates();
  const administrator = { username: "postgres", password: newPassword() };
  const accounts = benchAccounts(count);
  const server = await startPostgres({
    name: `bench-target-${randomUUID()}`,
    instance,
    password: administrator.password,
    tls: certificates,
    hba: ["hostssl all all 127.0.0.1/32 scram-sha-256"],
    settings: { max_connections: 300 },
    scratch: true,
  });
  const logIn = logInWith(certificates.ca);
  const admin = await logIn(server.port, administrator);
  await createRoles(admin, accounts);
  await admin.end();
  return {
    plugin: "postgresql",
    port: server.port,
    settings: { caCertificate: certificates.ca },
    administrator,
    accounts,
    bareLoops: bareLoops(logIn, administrator),
    stop: () => server.stop(),
  };
}
