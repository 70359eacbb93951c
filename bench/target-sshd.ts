/** A private sshd for the benches, and the bare loops beside it: root changes a password, the account logs in with it. */
import { Client, type ConnectConfig } from "ssh2";
import { startSshTarget } from "../scripts/targets/sshd.ts";
import { load } from "./load.ts";
import { type BareLoop, type BenchAccount, type BenchTarget, benchAccounts, newPassword } from "./target.ts";

/** How a change is made over SSH. */
interface SshChange {
  readonly plugin: string;
  /** What Keyturn's plugin is told to do. */
  readonly template?: string;
  /** The same, as the bare loops do it on root's connection. */
  readonly setPassword: (root: Client, account: BenchAccount) => Promise<void>;
  /** What the loops' titles say of it. */
  readonly said?: string;
}

/** As the plugin does: group exchange costs a second of CPU, and only the password method is wanted. */
const CONNECTION: ConnectConfig = {
  host: "127.0.0.1",
  readyTimeout: 60_000,
  algorithms: { kex: ["curve25519-sha256"], serverHostKey: ["ssh-ed25519"] },
  authHandler: ["password"],
};

function logIn(port: number, account: BenchAccount): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once("ready", () => resolve(client)).on("error", reject);
    client.connect({ ...CONNECTION, port, username: account.username, password: account.password });
    // Nagle's algorithm doubles the time of a log-in.
    client.setNoDelay(true);
  });
}

function bareLoops(administrator: BenchAccount, { setPassword, said = "" }: SshChange): BareLoop[] {
  const changeAndProve = async (root: Client, port: number, account: BenchAccount) => {
    account.password = newPassword();
    await setPassword(root, account);
    (await logIn(port, account)).end();
  };
  return [
    {
      title: `bare ssh2 loop${said}, root logs in for each`,
      run: (port, accounts, concurrency) =>
        load(accounts, concurrency, async (account) => {
          const root = await logIn(port, administrator);
          await changeAndProve(root, port, account);
          root.end();
        }),
    },
    {
      title: `bare ssh2 loop${said}, root's connection kept`,
      run: async (port, accounts, concurrency) => {
        const roots = await Promise.all(Array.from({ length: concurrency }, () => logIn(port, administrator)));
        const measured = await load(accounts, concurrency, (account, lane) =>
          changeAndProve(roots[lane] as Client, port, account),
        );
        for (const root of roots) root.end();
        return measured;
      },
    },
  ];
}

/** An sshd with `count` accounts; root changes their passwords. Needs root. */
export async function startSshdTarget(count: number, change: SshChange): Promise<BenchTarget> {
  const administrator = { username: "root", password: newPassword() };
  const accounts = benchAccounts(count);
  const sshd = await startSshTarget({
    users: accounts.map(({ username, password }) => ({ name: username, password, shell: "/bin/sh" })),
    rootPassword: administrator.password,
  });
  return {
    plugin: change.plugin,
    port: sshd.port,
    settings: {},
    pinnedIdentity: sshd.fingerprint,
    administrator,
    accounts,
    ...(change.template === undefined ? {} : { template: change.template }),
    bareLoops: bareLoops(administrator, change),
    stop: () => sshd.stop(),
  };
}
