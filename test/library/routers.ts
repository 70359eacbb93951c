/** FRR with one password for its log-in and for `enable`: over telnet, and behind an sshd whose log-in shell is vtysh. */
import { chmod } from "node:fs/promises";
import { connect } from "node:net";
import { type FrrTarget, startFrrTarget } from "../../scripts/targets/frr.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";

export const ROUTER_ACCOUNT = "router";

export async function startRouter(password: string): Promise<FrrTarget> {
  return startFrrTarget({ password, enablePassword: password });
}

/** Whether the router's own log-in takes the password: its prompts read byte by byte, nothing of ours. */
export function routerLogsIn(port: number, password: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let said = "";
    let asked = false;
    socket.on("error", reject);
    socket.on("data", (bytes) => {
      said += bytes.toString("latin1");
      if (!asked && said.endsWith("Password: ")) {
        [asked, said] = [true, ""];
        socket.write(`${password}\r\n`);
      } else if (asked && /(?:> |Password: )$/.test(said)) {
        socket.destroy();
        resolve(said.endsWith("> "));
      }
    });
  });
}

/** Asks the router whether it lets the password in: PAM gives it on the standard input. */
const CHECK = (port: number) => `#!/bin/bash
password=$(tr -d '\\0')
exec 3<>/dev/tcp/127.0.0.1/${port} || exit 1
read -r -t 5 -d : -u 3
printf '%s\\r\\n' "$password" >&3
while read -r -t 5 -n 1 -u 3 one; do
  [ "$one" = '>' ] && exit 0
  [ "$one" = : ] && exit 1
done
exit 1
`;

/** An sshd before the router: the router's password logs in, and vtysh is what one talks to. */
export async function startSshBefore({ port, folder }: FrrTarget): Promise<SshTarget> {
  const target = await startSshTarget({
    users: [{ name: ROUTER_ACCOUNT, password: "not-the-one-that-logs-in", shell: "/etc/keyturn-vtysh" }],
    files: {
      "pam.d/sshd":
        "auth required pam_exec.so quiet expose_authtok /etc/keyturn-check\naccount required pam_permit.so\nsession required pam_permit.so\n",
      "keyturn-check": CHECK(port),
      "keyturn-vtysh": `#!/bin/sh\nexec /usr/bin/vtysh --vty_socket ${folder} -d staticd\n`,
    },
  });
  // Its own group alone may go in.
  await chmod(folder, 0o750);
  await target.run(["chmod", "755", "/etc/keyturn-check", "/etc/keyturn-vtysh"]);
  await target.run(["usermod", "-a", "-G", "frr,frrvty", ROUTER_ACCOUNT]);
  await target.run(["sh", "-c", "echo 'no service integrated-vtysh-config' > /etc/frr/vtysh.conf"]);
  return target;
}
