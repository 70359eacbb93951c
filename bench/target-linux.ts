import type { Client } from "ssh2";
import type { BenchAccount, BenchTarget } from "./target.ts";
import { startSshdTarget } from "./target-sshd.ts";

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

/** Accounts of an sshd whose passwords root changes by `chpasswd`. Needs root. */
export function startLinuxTarget(count: number): Promise<BenchTarget> {
  return startSshdTarget(count, { plugin: "linux", setPassword });
}
