import { randomBytes } from "node:crypto";
import type { Secret } from "../../contracts/secret.ts";
import { PluginFailure, type Call } from "../plugin.ts";
import type { Connection } from "../secure-shell/connection.ts";
import type { Conversation } from "../secure-shell/conversation.ts";
import { LOCK_BUSY, REFUSED } from "../terminal/text.ts";

export interface OtherChange {
  /** Name of the account to change. */
  readonly username: string;
  readonly next: Secret;
  /** Password of the account that logged in, for sudo. */
  readonly sudoPassword: Secret;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

/**
 * Another account sets the password with `chpasswd`: as root, through `sudo` without a password, or through `sudo`
 * with the password of the account that logged in.
 *
 * The command line is fixed but for a random mark. On its standard input it gets, one after the other and each only
 * when asked for, the account's name, perhaps the sudo password, and the line with the new password. That line is
 * sent only after a process with root's rights, or one whose sudo never reads standard input, has said that it is
 * ready: sudo would take it as the next try after a wrong sudo password.
 * @throws PluginFailure
 */
export async function changeOtherPassword(connection: Connection, change: OtherChange): Promise<void> {
  const mark = `keyturn-${randomBytes(8).toString("hex")}`;
  const talk = await connection.start(commandFor(mark), change.call);
  talk.send(change.username);
  let step = await talk.until(() => stepOf(talk, mark));
  if (step === "sudo") {
    change.call.transcript("> the sudo password");
    const asked = talk.errors.length;
    talk.send(change.sudoPassword.reveal());
    step = await talk.until(() => stepOf(talk, mark, asked));
    // Closing at its second question leaves sudo with one failed try at most.
    if (step === "sudo") throw askedAgain(talk.errors.slice(asked));
  }
  if (step === "unknown") throw new PluginFailure("account.unknown", `no account ${change.username}`);
  if (step === "locked")
    throw new PluginFailure("auth.locked", `${change.username} is locked: a new password would unlock it`);
  if (step === "ended") throw notReady(talk);
  await change.pointOfNoReturn();
  change.call.transcript("> the account and the new password");
  talk.send(`${change.username}:${change.next.reveal()}`);
  await talk.until(() => (talk.closed ? true : undefined));
  if (talk.output.includes(`${mark}-late\n`)) {
    throw new PluginFailure("target.timeout", "the line came too late and was not used", { refused: true });
  }
  judge(talk);
}

/**
 * How long the device waits for the line, by its own clock: what a stopped worker or a stalled network delivers later
 * sets no password. Seconds.
 */
const PATIENCE = 5;

/**
 * The command line, the same for every change but for the mark.
 *
 * `read` keeps an unfinished line from chpasswd, which would take a password that was cut off at the end of input.
 * printf must be the shell's own, else the line would stand among the arguments of a process.
 */
export function commandFor(mark: string): string {
  const apply = (chpasswd: string) =>
    [
      'IFS=" ." read -r since rest </proc/uptime',
      `echo ${mark}-ready`,
      "IFS= read -r line || exit",
      'IFS=" ." read -r now rest </proc/uptime',
      `if [ $((now - since)) -lt ${PATIENCE} ]; then printf "%s\n" "$line" | ${chpasswd}; else echo ${mark}-late; fi`,
    ].join("; ");
  // An account whose password was locked (`usermod -L`): its hash, which begins with `$`, stands behind one exclamation
  // mark or two. One that never had a password has the marks alone. A mark itself would mean something to other shells.
  const refuseLocked = (getent: string) =>
    String.raw`case "$(${getent} shadow "$1" </dev/null)" in *:[[:punct:]]\$*|*:[[:punct:]][[:punct:]]\$*) echo ${mark}-locked; exit;; esac`;
  const asRoot = `${refuseLocked("getent")}; ${apply("chpasswd")}`;
  const quoted = asRoot.replaceAll(/["\\$]/g, String.raw`\$&`);
  // Asked first: sudo would log, as an offence, what this account may not do.
  const look = `if sudo -n -l getent shadow "$1" </dev/null >/dev/null 2>&1; then ${refuseLocked("sudo -n getent")}; fi`;
  const script = [
    'PATH="$PATH:/usr/sbin:/sbin"; LC_ALL=C; export PATH LC_ALL',
    '[ "$(command -v printf)" = printf ] || exit',
    "IFS= read -r user || exit",
    'set -- "$user"',
    `case "$(getent passwd "$1")" in "$1":*) ;; *) echo ${mark}-unknown; exit;; esac`,
    `if [ "$(id -u)" = 0 ]; then ${asRoot}; exit; fi`,
    `if sudo -n chpasswd </dev/null >/dev/null 2>&1; then ${look}; ${apply("sudo -n chpasswd")}; exit; fi`,
    // Unlike -p this leaves questions that are not for the password as they are.
    `SUDO_PROMPT=${mark}-sudo:; export SUDO_PROMPT; exec sudo -S -k sh -c "${quoted}" sh "$1"`,
  ];
  return `sh -c '${script.join("; ")}'`;
}

type Step = "sudo" | "ready" | "unknown" | "locked" | "ended";

function stepOf(talk: Conversation, mark: string, errorsFrom = 0): Step | undefined {
  if (talk.output.includes(`${mark}-ready\n`)) return "ready";
  if (talk.output.includes(`${mark}-unknown\n`)) return "unknown";
  if (talk.output.includes(`${mark}-locked\n`)) return "locked";
  if (talk.errors.slice(errorsFrom).endsWith(`${mark}-sudo:`)) return "sudo";
  return talk.closed ? "ended" : undefined;
}

/** A wrong password is told before it is asked for again; a second password is asked for at once. */
function askedAgain(said: string): PluginFailure {
  if (said.includes("\n")) return new PluginFailure("auth.not-permitted", "sudo did not take the password");
  return new PluginFailure("target.needs-human", "sudo asks for a second password");
}

/** Why the command ended before it was ready for the password. */
function notReady(talk: Conversation): PluginFailure {
  const said = talk.excerpt();
  if (/password change required/i.test(said)) return new PluginFailure("auth.must-change", said);
  if (talk.exitCode === undefined) return new PluginFailure("target.connection-lost", said);
  return new PluginFailure("auth.not-permitted", said);
}

function judge(talk: Conversation): void {
  if (talk.exitCode === 0) return;
  const said = talk.excerpt();
  if (talk.exitCode === undefined) throw new PluginFailure("target.connection-lost", said);
  if (LOCK_BUSY.test(talk.errors)) throw new PluginFailure("target.busy", said, { refused: true });
  if (REFUSED.test(talk.errors)) throw new PluginFailure("change.refused", said, { refused: true });
  throw new PluginFailure("target.unexpected", said);
}
