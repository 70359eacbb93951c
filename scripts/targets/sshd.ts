/**
 * A private sshd on loopback whose accounts exist nowhere else.
 *
 * It runs in a mount namespace of its own: `/etc`, `/run`, `/home` and `/var/log` are copies, so users, passwords,
 * PAM and sudo rules are real for everything behind this sshd and leave the machine untouched. Needs root, sshd and
 * the right to make a mount namespace ({@link sshTargetUnavailable} says what is missing).
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { access, chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../engine/ports.ts";
import { firstLine, killNamespace, removeLeftovers, runInNamespace, type RunResult } from "./namespace.ts";

const run = promisify(execFile);
const PREFIX = "keyturn-sshd-";
const HOST = "127.0.0.1";
/** Above what any distribution gives to people, so no file on the machine belongs to these accounts. */
const FIRST_UID = 61_200;

export interface SshUser {
  readonly name: string;
  readonly password: string;
  /** Login shell; /bin/bash when absent. */
  readonly shell?: string;
}

export interface SshTargetOptions {
  readonly users: readonly SshUser[];
  /** Lets root log in with this password. */
  readonly rootPassword?: string;
  /** Lines of a sudoers drop-in. */
  readonly sudoers?: string;
  /** Lines of sshd_config; they win over the defaults. */
  readonly sshdConfig?: readonly string[];
  /** Files to write before the start: path under /etc → content. */
  readonly files?: Readonly<Record<string, string>>;
  /** A port on loopback; a free one when absent. */
  readonly port?: number;
}

export interface SshTarget {
  readonly address: string;
  readonly port: number;
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string;
  /** Process id of the listening sshd. */
  readonly pid: number;
  /** Runs a command as root among the target's accounts. Secrets belong into `input`, its standard input. */
  run(command: readonly string[], input?: string): Promise<RunResult>;
  /** Text of a file under the target's /var/log; empty when there is none. */
  log(name: string): Promise<string>;
  /** Ends every process behind the target at once, as a power failure would. */
  kill(): Promise<void>;
  /** Starts sshd again on the same accounts and port, after {@link kill}. */
  start(): Promise<void>;
  /** Ends it and removes everything it made. */
  stop(): Promise<void>;
}

const SETUP = `set -e
mount --bind "$1/etc" /etc
mount --bind "$1/home" /home
mount --bind "$1/log" /var/log
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 755 /run/sshd
if [ -d /var/lib/sudo ]; then mount -t tmpfs -o mode=700 tmpfs /var/lib/sudo; fi
exec /usr/sbin/sshd -D -f /etc/ssh/sshd_config -E /var/log/sshd.log`;

const COMMON_AUTH =
  "auth [success=1 default=ignore] pam_unix.so nullok nodelay\nauth requisite pam_deny.so\nauth required pam_permit.so\n";
const COMMON_PASSWORD =
  "password [success=1 default=ignore] pam_unix.so obscure yescrypt\npassword requisite pam_deny.so\npassword required pam_permit.so\n";

/** Why no target can run here; undefined when one can. */
export async function sshTargetUnavailable(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "a private sshd needs root";
  for (const program of ["/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/sbin/useradd", "/usr/sbin/chpasswd"]) {
    if (!(await exists(program))) return `${program} is not installed (Debian: apt-get install openssh-server sudo)`;
  }
  try {
    await run("unshare", ["--mount", "true"]);
    return undefined;
  } catch (error) {
    return `no mount namespace can be made here (${firstLine(error)})`;
  }
}

/**
 * Starts a target.
 * @throws Error when sshd does not come up; its log is in the message
 */
export async function startSshTarget(options: SshTargetOptions): Promise<SshTarget> {
  await removeLeftovers(PREFIX);
  const folder = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(folder, "owner"), String(process.pid));
  const port = options.port ?? (await freePort());
  const fingerprint = await prepare(folder, port, options);
  let child = await launch(folder, port);
  const kill = () => killNamespace(child);
  await addUsers(child, options).catch(async (error: unknown) => {
    await kill();
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    address: HOST,
    port,
    fingerprint,
    get pid() {
      return pidOf(child);
    },
    run: (command, input) => runInNamespace(pidOf(child), command, input),
    log: (name) => readFile(join(folder, "log", name), "utf8").catch(() => ""),
    kill,
    async start() {
      child = await launch(folder, port);
    },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function prepare(folder: string, port: number, options: SshTargetOptions): Promise<string> {
  const etc = join(folder, "etc");
  await run("cp", ["-a", "/etc", etc]);
  await mkdir(join(folder, "home"));
  await mkdir(join(folder, "log"));
  await chmod(join(folder, "home"), 0o755);
  await rm(join(etc, "sudoers.d"), { recursive: true, force: true });
  const key = join(etc, "ssh", "keyturn_host_key");
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const own = options.sshdConfig ?? [];
  const defaults = [
    `Port ${port}`,
    `ListenAddress ${HOST}`,
    "HostKey /etc/ssh/keyturn_host_key",
    "UsePAM yes",
    "PasswordAuthentication yes",
    "KbdInteractiveAuthentication no",
    `PermitRootLogin ${options.rootPassword === undefined ? "no" : "yes"}`,
    "MaxStartups 200:30:400",
    "LogLevel VERBOSE",
    "UseDNS no",
  ];
  // The first line of a kind usually wins, but not for every kind.
  const given = new Set(own.map((line) => line.split(" ")[0]));
  const config = [...own, ...defaults.filter((line) => !given.has(line.split(" ")[0]))];
  const files: Record<string, string> = {
    "ssh/sshd_config": `${config.join("\n")}\n`,
    "sudoers.d/keyturn": `${options.sudoers ?? ""}\n`,
    "pam.d/common-auth": COMMON_AUTH,
    "pam.d/common-password": COMMON_PASSWORD,
    ...options.files,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(etc, path)), { recursive: true });
    await writeFile(join(etc, path), text, { mode: path.startsWith("sudoers") ? 0o440 : 0o644 });
  }
  const blob = Buffer.from((await readFile(`${key}.pub`, "utf8")).split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

async function launch(folder: string, port: number): Promise<ChildProcess> {
  await rm(join(folder, "log", "sshd.log"), { force: true });
  // The death signal ends sshd with the process that started it, even when that one is killed.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "unshare", "--mount", "sh", "-c", SETUP, "sh", folder], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise<never>((_, reject) => {
    child.once("exit", () => {
      void readFile(join(folder, "log", "sshd.log"), "utf8")
        .catch(() => "")
        .then((log) => reject(new Error(`sshd did not start: ${said}${log}`)));
    });
  });
  gone.catch(() => undefined);
  await Promise.race([gone, listening(folder, port)]);
  return child;
}

/** The log is asked, not the port: a look at the port would leave a failed connection behind. */
async function listening(folder: string, port: number): Promise<void> {
  for (;;) {
    const log = await readFile(join(folder, "log", "sshd.log"), "utf8").catch(() => "");
    if (log.split("\n").some((line) => line.includes(`Server listening on ${HOST} port ${port}`))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function addUsers(child: ChildProcess, options: SshTargetOptions): Promise<void> {
  const pid = pidOf(child);
  for (const [index, user] of options.users.entries()) {
    const added = ["useradd", "-m", "-u", String(FIRST_UID + index), "-s", user.shell ?? "/bin/bash", user.name];
    const result = await runInNamespace(pid, added);
    if (result.code !== 0) throw new Error(`useradd ${user.name}: ${result.stderr}`);
  }
  const lines = options.users.map((user) => `${user.name}:${user.password}`);
  if (options.rootPassword !== undefined) lines.push(`root:${options.rootPassword}`);
  const result = await runInNamespace(pid, ["chpasswd"], lines.map((line) => `${line}\n`).join(""));
  if (result.code !== 0) throw new Error(`chpasswd: ${result.stderr}`);
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("sshd has no process");
  return child.pid;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
