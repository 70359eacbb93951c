import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Root of this checkout. */
export const CHECKOUT = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** Where a running Keyturn keeps its state unless told otherwise. */
export const STATE = join(CHECKOUT, ".keyturn");

/** A folder with the state of one running Keyturn, and the place where its databases live. */
export interface Instance {
  /** Logs, process records, Temporal's file, keys. */
  state: string;
  /** Database folders and the copied engine. Reachable for the user the engine runs as. */
  data: string;
  /** Whom PostgreSQL runs as; undefined: whoever runs this. */
  user: { uid: number; gid: number } | undefined;
}

/**
 * Opens (and at first makes) an instance.
 * PostgreSQL refuses to run as root, and the user it then runs as cannot enter a checkout below a folder of mode 0700:
 * as root, its data and a copy of its binaries therefore live in /var/lib/keyturn/ID.
 * @param state folder, absolute
 */
export async function openInstance(state: string = STATE): Promise<Instance> {
  await mkdir(join(state, "logs"), { recursive: true, mode: 0o700 });
  if (process.getuid?.() !== 0) return { state, data: state, user: undefined };
  const data = join("/var/lib/keyturn", await instanceId(state));
  await mkdir(data, { recursive: true });
  await chmod("/var/lib/keyturn", 0o755);
  await chmod(data, 0o755);
  return { state, data, user: await postgresUser() };
}

async function instanceId(state: string): Promise<string> {
  const file = join(state, "instance-id");
  await writeFile(file, `${randomBytes(6).toString("hex")}\n`, { flag: "wx" }).catch(ignoreExisting);
  return (await readFile(file, "utf8")).trim();
}

async function postgresUser(): Promise<{ uid: number; gid: number }> {
  const found = await passwdEntry("postgres");
  if (found) return found;
  await run("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "postgres"]);
  const made = await passwdEntry("postgres");
  if (!made) throw new Error("The user postgres could not be made; PostgreSQL does not run as root.");
  return made;
}

async function passwdEntry(name: string): Promise<{ uid: number; gid: number } | undefined> {
  const line = (await readFile("/etc/passwd", "utf8")).split("\n").find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
