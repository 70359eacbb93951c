/** A router of FRR on loopback behind SSH: its command line is the log-in shell of accounts that exist nowhere else. */
import { type Daemon, startDaemon } from "./daemon.ts";
import { type SshTarget, type SshTargetOptions, startSshTarget } from "./sshd.ts";

/** Where vtysh looks for the daemons of the router; a folder of the target's own. */
const SOCKETS = "/run/frr";

/**
 * Starts a router; needs root and the Debian packages frr and openssh-server.
 * @param options as of an sshd target; every account's shell is vtysh
 * @throws Error with what it said when it does not come up
 */
export async function startVtyshTarget(options: SshTargetOptions): Promise<SshTarget> {
  const users = options.users.map((user) => ({ ...user, shell: "/usr/bin/vtysh" }));
  const target = await startSshTarget({ ...options, users });
  let daemon: Daemon | undefined;
  const stop = async () => {
    await daemon?.kill();
    await target.stop();
  };
  try {
    await must(target, ["install", "-d", "-o", "frr", "-g", "frrvty", SOCKETS]);
    for (const { name } of users) await must(target, ["usermod", "-a", "-G", "frr,frrvty", name]);
    const files = ["-f", "/etc/frr/staticd.conf", "-i", `${SOCKETS}/staticd.pid`, "-z", `${SOCKETS}/zserv.api`];
    daemon = await startDaemon({
      command: [
        "nsenter",
        "--target",
        String(target.pid),
        "--mount",
        "--",
        "/usr/lib/frr/staticd",
        "-P",
        "0",
        ...files,
      ],
      // Its socket is there a moment before it answers, and a vtysh that finds no daemon ends its log-in.
      ready: async () => (await target.run(["/usr/bin/vtysh", "-c", "show version"])).code === 0,
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...target, stop };
}

async function must(target: SshTarget, command: readonly string[]): Promise<void> {
  const { code, stderr } = await target.run(command);
  if (code !== 0) throw new Error(`${command[0]}: ${stderr}`);
}
