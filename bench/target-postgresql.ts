import pg from "pg";
import { scramVerifier } from "../plugins/postgresql/scram.ts";
import { startPostgresTarget } from "../scripts/targets/postgres.ts";
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

/** A PostgreSQL server with TLS and SCRAM and `count` roles; its superuser changes their passwords. */
export async function startPostgresqlTarget(count: number): Promise<BenchTarget> {
  const server = await startPostgresTarget({ settings: { log_statement: "none", max_connections: 300 } });
  const accounts = benchAccounts(count);
  await server.createRoles(accounts.map(({ username, password }) => ({ name: username, password })));
  return {
    plugin: "postgresql",
    port: server.port,
    settings: { caCertificate: server.ca },
    administrator: server.administrator,
    accounts,
    bareLoops: bareLoops(logInWith(server.ca), server.administrator),
    stop: () => server.stop(),
  };
}
