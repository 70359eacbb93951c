/** A MariaDB server on loopback, over TLS of a generated authority, whose accounts' passwords are changed. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chown, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Connection, createConnection } from "mariadb";
import { makeCertificates } from "../engine/certificates.ts";
import { answers, freePort } from "../engine/ports.ts";
import { type Daemon, makeFolder, removeFolder, startDaemon } from "./daemon.ts";

const HOST = "127.0.0.1";
const ADMINISTRATOR = "keyturn";

export interface MariadbTargetOptions {
  /** Options beside those that every server gets: `--skip-grant-tables`. */
  readonly options?: readonly string[];
}

export interface MariadbTarget {
  readonly address: string;
  readonly port: number;
  /** PEM of the authority: the plugin's setting `caCertificate`. */
  readonly ca: string;
  /** May make accounts and change them. */
  readonly administrator: { readonly username: string; readonly password: string };
  /** Runs statements as `root`, one after the other; the rows of the last one. */
  run(...statements: readonly string[]): Promise<Record<string, unknown>[]>;
  /** Makes an account with the native hash of a password. */
  createUser(username: string, password: string, options?: { host?: string; identified?: string }): Promise<void>;
  /** Everything it wrote into its general log and its binary log. */
  logs(): Promise<string>;
  /** Ends it as a crash would, and starts it again on the same data and port; with other certificates when asked. */
  restart(options?: { certificates?: boolean }): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a server with a general log and a binary log; needs the Debian package mariadb-server.
 * @throws Error with what it said when it does not come up
 */
export async function startMariadbTarget({ options = [] }: MariadbTargetOptions = {}): Promise<MariadbTarget> {
  const owner = await ownerOf();
  const places = await makePlaces(owner);
  const { folder, data, socketPath, port } = places;
  let { ca } = await writeCertificates(folder, owner);
  const command = ["mariadbd", ...serverOptions(places), ...options] as const;
  // Its port answers first; its socket is there a moment before it accepts.
  const ready = async () => (await answers(port)) && answers(socketPath);
  const launch = (): Promise<Daemon> => startDaemon({ command: [...command], ready });
  let daemon = await launch();

  const run = (...statements: readonly string[]) =>
    inSession(socketPath, async (connection) => {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) rows = await connection.query<Record<string, unknown>[]>(statement);
      return rows;
    });
  const administrator = { username: ADMINISTRATOR, password: randomBytes(18).toString("base64url") };
  const createUser: MariadbTarget["createUser"] = (username, password, { host = HOST, identified } = {}) =>
    inSession(socketPath, async (connection) => {
      const [user, at] = [connection.escape(username), connection.escape(host)];
      const by = identified ?? `mysql_native_password USING PASSWORD(${connection.escape(password)})`;
      // Its logs are searched for clear text by tests.
      await connection.query("SET SESSION sql_log_bin = 0");
      await connection.query("SET GLOBAL general_log = 0");
      await connection.query(`CREATE OR REPLACE USER ${user}@${at} IDENTIFIED VIA ${by}`);
      await connection.query("SET GLOBAL general_log = 1");
    });
  const stop = async () => {
    await daemon.kill();
    await removeFolder(folder);
  };
  if (!options.includes("--skip-grant-tables"))
    await makeAdministrator(administrator, { createUser, run }).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
  return {
    address: HOST,
    port,
    get ca() {
      return ca;
    },
    administrator,
    run,
    createUser,
    async logs() {
      await run("FLUSH LOGS");
      const names = (await readdir(data)).filter((name) => /^(binary\.\d+|general\.log)$/.test(name));
      const texts = await Promise.all(names.map((name) => readFile(join(data, name), "latin1")));
      return texts.join("\n");
    },
    async restart({ certificates = false } = {}) {
      await daemon.kill();
      if (certificates) ({ ca } = await writeCertificates(folder, owner));
      daemon = await launch();
    },
    stop,
  };
}

async function makeAdministrator(
  { username, password }: MariadbTarget["administrator"],
  { createUser, run }: Pick<MariadbTarget, "createUser" | "run">,
): Promise<void> {
  await createUser(username, password);
  await run(`GRANT CREATE USER, SELECT, RELOAD ON *.* TO ${username}@'${HOST}' WITH GRANT OPTION`);
}

type Owner = Awaited<ReturnType<typeof ownerOf>>;

interface Places {
  readonly folder: string;
  readonly data: string;
  readonly temporary: string;
  readonly socketPath: string;
  readonly port: number;
}

/** A folder with the tables of a new server. */
async function makePlaces(owner: Owner): Promise<Places> {
  const folder = await makeFolder("keyturn-mariadb-");
  // Servers that share a temporary folder remove each other's temporary tables when they start.
  const [data, temporary] = [join(folder, "data"), join(folder, "tmp")];
  for (const path of [data, temporary]) await mkdir(path);
  for (const path of [folder, data, temporary]) await chown(path, owner.uid, owner.gid);
  await install({ data, temporary }).catch(async (error: unknown) => {
    await removeFolder(folder);
    throw error;
  });
  return { folder, data, temporary, socketPath: join(folder, "server.sock"), port: await freePort() };
}

function serverOptions({ folder, data, temporary, socketPath, port }: Places): string[] {
  return [
    "--no-defaults",
    "--user=mysql",
    `--datadir=${data}`,
    `--tmpdir=${temporary}`,
    `--socket=${socketPath}`,
    `--bind-address=${HOST}`,
    `--port=${port}`,
    "--skip-name-resolve",
    "--innodb-buffer-pool-size=8M",
    "--innodb-log-file-size=4M",
    "--plugin-load-add=auth_ed25519",
    "--general-log",
    `--general-log-file=${join(data, "general.log")}`,
    `--log-bin=${join(data, "binary")}`,
    ...["ca", "cert", "key"].map((name) => `--ssl-${name}=${join(folder, `${name}.pem`)}`),
  ];
}

async function install({ data, temporary }: Pick<Places, "data" | "temporary">): Promise<void> {
  const options = ["--no-defaults", "--user=mysql", `--datadir=${data}`, `--tmpdir=${temporary}`];
  const root = ["--auth-root-authentication-method=socket", "--auth-root-socket-user=root"];
  const rest = ["--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=4M"];
  const { code, output } = await runToEnd("mariadb-install-db", [...options, ...root, ...rest]);
  if (code !== 0) throw new Error(`mariadb-install-db failed: ${output.slice(0, 2000)}`);
}

async function runToEnd(command: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const hear = (chunk: Buffer) => (output += chunk.toString());
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

async function ownerOf(): Promise<{ uid: number; gid: number }> {
  const passwd = await readFile("/etc/passwd", "utf8");
  const [, uid, gid] = /^mysql:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  if (uid === undefined) throw new Error("There is no user mysql on this machine.");
  return { uid: Number(uid), gid: Number(gid) };
}

async function writeCertificates(folder: string, { uid, gid }: Owner) {
  const certificates = makeCertificates();
  for (const [name, pem] of Object.entries(certificates)) {
    const file = join(folder, `${name}.pem`);
    await writeFile(file, pem, { mode: 0o600 });
    await chown(file, uid, gid);
  }
  return certificates;
}

async function inSession<T>(socketPath: string, work: (connection: Connection) => Promise<T>): Promise<T> {
  const logger = { warning: () => {} };
  const connection = await createConnection({ socketPath, user: "root", password: randomUUID(), logger });
  try {
    return await work(connection);
  } finally {
    await connection.end();
  }
}
