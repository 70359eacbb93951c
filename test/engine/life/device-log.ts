/** What the device itself wrote down about who touched which account, and when. */
import { readFile } from "node:fs/promises";

/** Settings of the target under which its log says so: milliseconds since 1970, and the process. */
export const TELLING = { log_line_prefix: "%n [%p] ", log_connections: "on" } as const;

export interface Touch {
  readonly kind: "log-in" | "change";
  /** The account that logged in or was changed. */
  readonly role: string;
  /** Milliseconds since 1970, by the device's clock, which is this machine's. */
  readonly at: number;
  /** What a change set; absent on log-ins. */
  readonly verifier?: string;
}

interface Line {
  readonly at: number;
  readonly pid: string;
  readonly text: string;
}

const START = /^(\d+\.\d+) \[(\d+)\] /;

/** Reads the log; a change that the device refused is none. */
export async function readTouches(file: string): Promise<Touch[]> {
  const lines = entries(await readFile(file, "utf8"));
  return lines.flatMap((line, index): Touch[] => {
    const login = logIn(line.text);
    if (login) return [{ kind: "log-in", role: login, at: line.at }];
    const change = /ALTER ROLE "([^"]+)" PASSWORD '(SCRAM-SHA-256\$[^']+)'/.exec(line.text);
    const [, role, verifier] = change ?? [];
    if (!role || !verifier || !line.text.startsWith("LOG:")) return [];
    const next = lines.slice(index + 1).find(({ pid }) => pid === line.pid);
    return next && /^(ERROR|FATAL):/.test(next.text) ? [] : [{ kind: "change", role, at: line.at, verifier }];
  });
}

/** A statement's further lines belong to its first. */
function entries(text: string): Line[] {
  const found: (Line & { text: string })[] = [];
  for (const line of text.split("\n")) {
    const start = START.exec(line);
    const last = found.at(-1);
    if (start) found.push({ at: Number(start[1]) * 1000, pid: start[2] ?? "", text: line.slice(start[0].length) });
    else if (last) last.text += `\n${line}`;
  }
  return found;
}

function logIn(text: string): string | undefined {
  const match =
    /^LOG: {2}connection authorized: user=(\S+)/.exec(text) ??
    /^FATAL: {2}password authentication failed for user "([^"]+)"/.exec(text);
  return match?.[1];
}
