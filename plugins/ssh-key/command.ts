/**
 * The command lines that change `~/.ssh/authorized_keys`. They are fixed but for a random mark; what they work on comes
 * over standard input, a line each. They run with the rights of the account whose file it is, never as root: root would
 * follow whatever the account has put into its folder.
 *
 * The new text is written beside the file and renamed over it: a reader, or a crash, meets the old file or the new one.
 */

/**
 * How long the device waits for the new key, by its own clock: what a stopped worker or a stalled network delivers later
 * is not added. Seconds.
 */
const PATIENCE = 5;
/** How often a lock that another change holds is tried for, a second apart. */
const TRIES = 5;

/** The line without the blanks it begins with: sshd takes it for a comment all the same. */
const BARE = '"${line#"${line%%[![:space:]]*}"}"';

/** Beginning of all: the file, a temporary one that proves that there can be one, and the lock. */
const prologue = (mark: string) => [
  "umask 077",
  'f="$HOME/.ssh/authorized_keys"',
  '[ -n "$HOME" ] || exit',
  // A link stays one: the file that it leads to is replaced.
  'if [ -L "$f" ]; then f=$(readlink -f "$f") || exit; fi',
  'd="${f%/*}"',
  '[ -d "$d" ] || mkdir "$d" || exit',
  "held=",
  't=$(mktemp "$d/.keyturn-XXXXXX") || exit',
  'clean() { rm -f "$t"; [ -z "$held" ] || rmdir "$f.lock"; }',
  "trap clean EXIT",
  'trap "exit 1" HUP INT PIPE TERM',
  // A lock that was left behind is taken away after a minute.
  `lock() { n=0; until mkdir "$f.lock" 2>/dev/null; do n=$((n + 1)); if [ $n -gt ${TRIES} ]; then echo ${mark}-busy; exit; fi; [ -z "$(find "$f.lock" -prune -mmin +1 2>/dev/null)" ] || rmdir "$f.lock"; sleep 1; done; held=1; }`,
  // Mode and owner are the file's; the label of SELinux is what its folder gives.
  'copy() { [ ! -e "$f" ] || cp -p "$f" "$t" || exit; }',
  'swap() { if command -v restorecon >/dev/null; then restorecon "$t" || :; fi; mv -f "$t" "$f" || exit; }',
];

/**
 * Adds a key. Input: the public half of the present key, or a word that stands in no line; after `ready`, the line of
 * the new key. It gets the options that stand before the present key, on the first of its lines, which is the one that
 * sshd heeds: rights must not grow by a change. The present key is marked as ours: should this change be cut off before
 * the old key goes, the next one removes it.
 */
const add = ({ mark, ours }: Marks) => [
  ...prologue(mark),
  "IFS= read -r old || exit",
  "since=$(date +%s)",
  `echo ${mark}-ready`,
  "IFS= read -r new || exit",
  "lock",
  `if [ $(($(date +%s) - since)) -ge ${PATIENCE} ]; then echo ${mark}-late; exit; fi`,
  "copy",
  "options=",
  "seen=",
  // Type and key may stand any number of blanks apart; the key alone holds its type as well.
  'key="${old#* }"',
  'before() { [ -z "$seen" ] || return 0; seen=1; options="${line%%"$key"*}"; options="${options%"${old%% *}"*}"; }',
  `keep() { case ${BARE} in "#"*) ;; *"$key"*) before; line="\${line% ${ours}} ${ours}" ;; esac; printf "%s\\n" "$line" || exit; }`,
  '{ [ ! -e "$f" ] || while IFS= read -r line || [ -n "$line" ]; do keep; done <"$f"; printf "%s\\n" "$options$new" || exit; } >"$t"',
  "swap",
  `echo ${mark}-done`,
];

/**
 * Removes keys, if the one that is to stay is there. Input: the public half that stays, the one that goes. With it go
 * all that were made here for the same credential and never proven.
 */
const prune = ({ mark, ours }: Marks) => [
  ...prologue(mark),
  "IFS= read -r new || exit",
  "IFS= read -r old || exit",
  "lock",
  `if [ ! -e "$f" ]; then echo ${mark}-missing; exit; fi`,
  "copy",
  "found=",
  `sift() { case ${BARE} in "#"*) ;; *"\${new#* }"*) found=1 ;; *"\${old#* }"* | *" ${ours}") return ;; esac; printf "%s\\n" "$line" || exit; }`,
  'while IFS= read -r line || [ -n "$line" ]; do sift; done <"$f" >"$t"',
  `if [ -z "$found" ]; then echo ${mark}-missing; exit; fi`,
  "swap",
  `echo ${mark}-done`,
];

/** Takes back a key that was added. Input: its public half. */
const undo = ({ mark }: Marks) => [
  ...prologue(mark),
  "IFS= read -r new || exit",
  "lock",
  "copy",
  `sift() { case "$line" in *"\${new#* }"*) return ;; esac; printf "%s\\n" "$line" || exit; }`,
  'while IFS= read -r line || [ -n "$line" ]; do sift; done <"$f" >"$t"',
  "swap",
  `echo ${mark}-done`,
];

export interface Marks {
  /** Random: what the command says begins with it. */
  readonly mark: string;
  /** Ends the lines that are ours. */
  readonly ours: string;
}

const STEPS = { add, prune, undo } as const;
export type Step = keyof typeof STEPS;

/**
 * The command line of a step.
 * @param own the account that logged in changes its own file; else the first line of the input is the account's name
 */
export function commandFor(step: Step, marks: Marks, own: boolean): string {
  const inner = [
    'PATH="$PATH:/usr/bin:/bin:/usr/sbin:/sbin"; LC_ALL=C; export PATH LC_ALL',
    '[ "$(command -v printf)" = printf ] || exit',
    ...STEPS[step](marks),
  ].join("\n");
  if (own) return `sh -c '${inner}'`;
  const quoted = inner.replaceAll(/["\\$`]/g, String.raw`\$&`);
  const outer = [
    'PATH="$PATH:/usr/bin:/bin:/usr/sbin:/sbin"; LC_ALL=C; export PATH LC_ALL',
    "IFS= read -r user || exit",
    `case "$(getent passwd "$user")" in "$user":*) ;; *) echo ${marks.mark}-unknown; exit ;; esac`,
    `if [ "$(id -u)" = 0 ]; then exec su -s /bin/sh -c "${quoted}" -- "$user"; fi`,
    `exec sudo -n -H -u "$user" -- sh -c "${quoted}"`,
  ].join("\n");
  return `sh -c '${outer}'`;
}
