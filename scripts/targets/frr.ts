/** A router of FRR on loopback: a command line like IOS's over telnet, with one password to log in and one for `enable`. */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { answers, freePort } from "../engine/ports.ts";
import { type Daemon, makeFolder, removeFolder, startDaemon } from "./daemon.ts";

const HOST = "127.0.0.1";
const STATICD = "/usr/lib/frr/staticd";

export interface FrrTargetOptions {
  /** What the log-in asks for; without it the router lets everybody in. */
  readonly password?: string;
  /** What `enable` asks for; without it `enable` asks for nothing. */
  readonly enablePassword?: string;
  /** Further lines of its configuration: `service password-encryption` makes only 8 characters of a password count. */
  readonly lines?: readonly string[];
}

export interface FrrTarget {
  readonly address: string;
  readonly port: number;
  /** Of the socket that vtysh talks to (`--vty_socket`). */
  readonly folder: string;
  /** Its saved configuration. */
  saved(): Promise<string>;
  /** Lets it write its configuration no more. */
  makeReadOnly(): Promise<void>;
  /** Ends it as a crash would, and starts it again from its saved configuration. */
  restart(): Promise<void>;
  /** The same with another configuration, on the same port. */
  reset(options: FrrTargetOptions): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a router; needs root and the Debian package frr.
 * @throws Error with what it said when it does not come up
 */
export async function startFrrTarget(options: FrrTargetOptions): Promise<FrrTarget> {
  const folder = await makeFolder("keyturn-frr-");
  const port = await freePort();
  const file = join(folder, "staticd.conf");
  const configure = async (wanted: FrrTargetOptions) => {
    await writeFile(file, configurationOf(wanted));
    giveToFrr(folder);
  };
  await configure(options);
  const launch = (): Promise<Daemon> => {
    const files = ["-f", file, "-i", join(folder, "pid"), "-z", join(folder, "zebra"), "--vty_socket", folder];
    return startDaemon({
      command: [STATICD, "-A", HOST, "-P", String(port), ...files],
      ready: () => answers(port),
    });
  };
  let daemon = await launch();
  return {
    address: HOST,
    port,
    folder,
    saved: () => readFile(file, "utf8"),
    // It writes a new file beside the old one, as its own user.
    makeReadOnly: async () => command("chown", ["root:root", folder]),
    async restart() {
      await daemon.kill();
      giveToFrr(folder);
      daemon = await launch();
    },
    async reset(wanted) {
      await daemon.kill();
      await configure(wanted);
      daemon = await launch();
    },
    async stop() {
      await daemon.kill();
      await removeFolder(folder);
    },
  };
}

function configurationOf({ password, enablePassword, lines = [] }: FrrTargetOptions): string {
  const own = [
    "hostname rtr1",
    ...(password === undefined ? [] : [`password ${password}`]),
    ...(enablePassword === undefined ? [] : [`enable password ${enablePassword}`]),
    ...lines,
    ...(password === undefined ? ["line vty", " no login"] : []),
  ];
  return `${own.join("\n")}\n`;
}

/** It runs as its own user, and writes its files there. */
function giveToFrr(folder: string): void {
  command("chown", ["-R", "frr:frr", folder]);
}

function command(name: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(name, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
}
