import { Client, type ConnectConfig } from "ssh2";
import { startSshTarget } from "../scripts/targets/sshd.ts";
import { load } from "./load.ts";
import { type BareLoop, type BenchAccount, type BenchTarget, benchAccounts, newPassword } from "./target.ts";

/** As the plugin does: group exchange costs a second of CPU, and only the password method is wanted. */
const CONNECTION: ConnectConfig = {
  host: "127.0.0.1",
  readyTimeout: 60_000,
  algorithms: { kex: ["curve25519-sha256"], serverHostKey: ["ssh-ed25519"] },
  authHandler: ["password"],
};

export function logIn(port: number, account: BenchAccount): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once("ready", () => resolve(client)).on("error", reject);
    client.connect({ ...CONNECTION, port, username: account.username, password: account.password });
    // Nagle's algorithm doubles the time of a log-in.
    client.setNoDelay(true);
  });
}

function setPassword(root: Client, account: BenchAccount): Promise<void> {
  return new Promise((resolve, reject) => {
    root.exec("chpasswd", (error, channel) => {
      if (error) return reject(error);
      channel.resume().stderr.resume();
      channel.on("close", (code: number | null) =>
        code === 0 ? resolve() : reject(new Error(`chpasswd ended with ${code}`)),
      );
      channel.end(`${account.username}:${account.password}\n`);
    });
  });
}

async function changeAndProve(root: Client, port: number, account: BenchAccount): Promise<void> {
  account.password = newPassword();
  await setPassword(root, account);
  (await logIn(port, account)).end();
}

function bareLoops(administrator: BenchAccount): BareLoop[] {
  return [
    {
      title: "bare ssh2 loop, root logs in for each",
      run: (port, accounts, concurrency) =>
        load(accounts, concurrency, async (account) => {
          const root = await logIn(port, administrator);
          await changeAndProve(root, port, account);
          root.end();
        }),
    },
    {
      title: "bare ssh2 loop, root's connection kept",
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

/** A private sshd with `count` accounts; root changes their passwords. Needs root. */
export async function startLinuxTarget(count: number): Promise<BenchTarget> {
  const administrator = { username: "root", password: newPassword() };
  const accounts = benchAccounts(count);
  const sshd = await startSshTarget({
    users: accounts.map(({ username, password }) => ({ name: username, password, shell: "/bin/sh" })),
    rootPassword: administrator.password,
  });
  return {
    plugin: "linux",
    port: sshd.port,
    settings: {},
    pinnedIdentity: sshd.fingerprint,
    administrator,
    accounts,
    bareLoops: bareLoops(administrator),
    stop: () => sshd.stop(),
  };
}
