import type { Client, ClientChannel } from "ssh2";
import { startSshTarget } from "../scripts/targets/sshd.ts";
import { load } from "./load.ts";
import { type BareLoop, type BenchAccount, type BenchTarget, benchAccounts, newPassword } from "./target.ts";
import { logIn } from "./target-linux.ts";

/** What root types into its shell; the bare loop has the same dialogue. */
const TEMPLATE = `set-read-timeout 60
expect "*#"
exec "passwd [#USERNAME#]"
expect "*New password:"
exec "[#NEW_PASSWORD#]"
expect "*Retype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully*"
`;

/** Waits until the shell says a text, and takes it for the one that was meant. */
async function hear(shell: ClientChannel, text: string): Promise<void> {
  let heard = "";
  for await (const piece of shell.iterator({ destroyOnReturn: false })) {
    heard += String(piece);
    if (heard.includes(text)) return;
  }
  throw new Error(`The shell ended before it said "${text}".`);
}

function openShell(root: Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    root.shell({ term: "vt100", cols: 200, rows: 50 }, (error, shell) => (error ? reject(error) : resolve(shell)));
  });
}

async function changeAndProve(root: Client, port: number, account: BenchAccount): Promise<void> {
  account.password = newPassword();
  const shell = await openShell(root);
  await hear(shell, "#");
  shell.write(`passwd ${account.username}\n`);
  await hear(shell, "New password:");
  shell.write(`${account.password}\n`);
  await hear(shell, "Retype new password:");
  shell.write(`${account.password}\n`);
  await hear(shell, "updated successfully");
  shell.close();
  (await logIn(port, account)).end();
}

function bareLoops(administrator: BenchAccount): BareLoop[] {
  return [
    {
      title: "bare ssh2 loop, the same dialogue, root's connection kept",
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

/** A private sshd with `count` accounts; root changes their passwords in its shell, as a template says. Needs root. */
export async function startSshTemplateTarget(count: number): Promise<BenchTarget> {
  const administrator = { username: "root", password: newPassword() };
  const accounts = benchAccounts(count);
  const sshd = await startSshTarget({
    users: accounts.map(({ username, password }) => ({ name: username, password, shell: "/bin/sh" })),
    rootPassword: administrator.password,
  });
  return {
    plugin: "ssh",
    port: sshd.port,
    settings: {},
    pinnedIdentity: sshd.fingerprint,
    administrator,
    accounts,
    template: TEMPLATE,
    bareLoops: bareLoops(administrator),
    stop: () => sshd.stop(),
  };
}
