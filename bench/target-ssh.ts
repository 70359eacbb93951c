import type { Client, ClientChannel } from "ssh2";
import type { BenchAccount, BenchTarget } from "./target.ts";
import { startSshdTarget } from "./target-sshd.ts";

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

async function setPassword(root: Client, account: BenchAccount): Promise<void> {
  const shell = await openShell(root);
  await hear(shell, "#");
  shell.write(`passwd ${account.username}\n`);
  await hear(shell, "New password:");
  shell.write(`${account.password}\n`);
  await hear(shell, "Retype new password:");
  shell.write(`${account.password}\n`);
  await hear(shell, "updated successfully");
  shell.close();
}

/** Accounts of an sshd whose passwords root changes in its shell, as a template says. Needs root. */
export function startSshTemplateTarget(count: number): Promise<BenchTarget> {
  return startSshdTarget(count, { plugin: "ssh", template: TEMPLATE, setPassword, said: ", the same dialogue" });
}
