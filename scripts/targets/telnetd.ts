/** A private telnetd on loopback whose accounts exist nowhere else: those of a private sshd, beside which it runs. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answers, freePort } from "../engine/ports.ts";
import { makeFolder, removeFolder, startDaemon } from "./daemon.ts";
import { type SshTarget, type SshTargetOptions, startSshTarget } from "./sshd.ts";

/** `login` of Debian, but for the pause after a wrong password. */
const PAM_LOGIN =
  "session required pam_env.so readenv=1\n@include common-auth\n@include common-account\n@include common-session\n@include common-password\n";

export interface TelnetTarget {
  readonly address: string;
  readonly port: number;
  /** The accounts, and how to run commands among them. */
  readonly accounts: SshTarget;
  stop(): Promise<void>;
}

/**
 * Starts inetd with telnetd; needs root and the Debian packages inetutils-telnetd, inetutils-inetd, openssh-server.
 * @param options as of an sshd target; `files` may hold `pam.d/login`
 * @throws Error with what it said when it does not come up
 */
export async function startTelnetTarget(options: SshTargetOptions): Promise<TelnetTarget> {
  const accounts = await startSshTarget({ ...options, files: { "pam.d/login": PAM_LOGIN, ...options.files } });
  const folder = await makeFolder("keyturn-telnetd-");
  const port = await freePort();
  const file = join(folder, "inetd.conf");
  // Over 40 log-ins a minute inetd takes for a loop, unless it is told another number.
  await writeFile(file, `127.0.0.1:${port} stream tcp4 nowait.10000 root /usr/sbin/telnetd telnetd\n`);
  await accounts.run(["sed", "-i", "s/^FAIL_DELAY.*/FAIL_DELAY 0/", "/etc/login.defs"]);
  const inside = ["nsenter", "--target", String(accounts.pid), "--mount", "--"] as const;
  const daemon = await startDaemon({
    command: [...inside, "/usr/sbin/inetutils-inetd", "-d", file],
    ready: () => answers(port),
  });
  return {
    address: accounts.address,
    port,
    accounts,
    async stop() {
      await daemon.kill();
      await accounts.stop();
      await removeFolder(folder);
    },
  };
}
