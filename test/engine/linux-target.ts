import { randomBytes } from "node:crypto";
import { startSshTarget } from "../../scripts/targets/sshd.ts";
import { sshLogsIn } from "../helpers/ssh-login.ts";
import type { OpenTarget } from "./matrix-target.ts";

/** A private sshd whose accounts change their own password, or have it changed by root. */
export async function openLinuxTarget(through: "own" | "root"): ReturnType<OpenTarget> {
  const rootPassword = `Root-${randomBytes(8).toString("hex")}`;
  const sshd = await startSshTarget({ users: [], rootPassword });
  let count = 0;
  return {
    plugin: "linux",
    address: sshd.address,
    port: sshd.port,
    ...(through === "root" ? { administrator: { username: "root", password: rootPassword } } : {}),
    addDevice: (estate, port = sshd.port) =>
      estate.addDevice({ address: sshd.address, port, pinnedIdentity: sshd.fingerprint, permits: 10 }),
    makeAccounts: async (wanted) => {
      const made = Array.from({ length: wanted }, () => ({
        username: `matrix${++count}`,
        password: `Old-${randomBytes(8).toString("hex")}`,
      }));
      const names = made.map(({ username }) => `${username}\n`).join("");
      await sshd.run(["xargs", "-n", "1", "useradd", "--create-home", "--shell", "/bin/bash"], names);
      await sshd.run(["chpasswd"], made.map(({ username, password }) => `${username}:${password}\n`).join(""));
      return made;
    },
    setPassword: async (username, password) => {
      await sshd.run(["chpasswd"], `${username}:${password}\n`);
    },
    logsIn: (username, password) => sshLogsIn(sshd.port, username, password),
    close: () => sshd.stop(),
  };
}
