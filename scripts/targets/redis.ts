/** A Redis server on loopback, over TLS of a generated authority, whose users' passwords are changed. */
import { createHash, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect as startTls } from "node:tls";
import { decodeReply, encodeCommand, type Reply } from "../../plugins/redis/resp.ts";
import { makeCertificates } from "../engine/certificates.ts";
import { answers, freePort } from "../engine/ports.ts";
import { type Daemon, makeFolder, removeFolder, startDaemon } from "./daemon.ts";

const HOST = "127.0.0.1";

export interface RedisTargetOptions {
  /** Where it keeps its users: an ACL file (the default), its configuration file, or nowhere. */
  readonly users?: "acl-file" | "configuration" | "nowhere";
  /** Listens without TLS as well, on {@link RedisTarget.clearPort}. */
  readonly clear?: boolean;
}

export interface RedisTarget {
  readonly address: string;
  readonly port: number;
  readonly clearPort: number;
  /** PEM of the authority: the plugin's setting `caCertificate`. */
  readonly ca: string;
  readonly administrator: { readonly username: string; readonly password: string };
  /** Asks as the administrator. */
  run(...words: readonly string[]): Promise<Reply>;
  /** Makes a user with these rules, beside the password. */
  createUser(username: string, password: string, rules?: readonly string[]): Promise<void>;
  /** Its log, its configuration and its ACL file. */
  files(): Promise<string>;
  /** Folder of its files. */
  readonly folder: string;
  /** Ends it as a crash would, and starts it again on the same files and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const ALLOWED = ["on", "~*", "+ping", "+get"];

/**
 * Starts a server; needs the Debian package redis-server.
 * @throws Error with what it said when it does not come up
 */
export async function startRedisTarget(options: RedisTargetOptions = {}): Promise<RedisTarget> {
  const folder = await makeFolder("keyturn-redis-");
  const [port, clearPort] = [await freePort(), options.clear ? await freePort() : 0];
  const certificates = makeCertificates();
  const password = randomBytes(18).toString("base64url");
  const users = options.users ?? "acl-file";
  const own = `user default on #${sha256(password)} ~* &* +@all`;
  const file = join(folder, "redis.conf");
  const lines = [
    `bind ${HOST}`,
    `port ${clearPort}`,
    `tls-port ${port}`,
    ...Object.entries({ cert: "cert-file", key: "key-file", ca: "ca-cert-file" }).map(
      ([name, option]) => `tls-${option} ${join(folder, `${name}.pem`)}`,
    ),
    "tls-auth-clients no",
    `dir ${folder}`,
    'save ""',
    `logfile ${join(folder, "redis.log")}`,
    users === "acl-file" ? `aclfile ${join(folder, "users.acl")}` : own,
  ];
  for (const [name, pem] of Object.entries(certificates)) await writeFile(join(folder, `${name}.pem`), pem);
  await writeFile(join(folder, "users.acl"), `${own}\n`);
  await writeFile(file, `${lines.join("\n")}\n`);
  // Given on its standard input the configuration is no file, and nothing can be written back.
  const command = ["redis-server", file] as const;
  const nowhere = ["sh", "-c", 'exec redis-server - <"$1"', "sh", file] as const;
  const launch = (): Promise<Daemon> =>
    startDaemon({ command: users === "nowhere" ? nowhere : command, ready: () => answers(port) });
  let daemon = await launch();

  const run = (...words: readonly string[]) =>
    ask({ port, ca: certificates.ca, commands: [["AUTH", "default", password], words] });
  return {
    address: HOST,
    port,
    clearPort,
    ca: certificates.ca,
    administrator: { username: "default", password },
    run,
    async createUser(username, first, rules = ALLOWED) {
      const reply = await run("ACL", "SETUSER", username, ...rules, `#${sha256(first)}`);
      if (reply !== "OK") throw new Error(`no user ${username} was made`);
    },
    async files() {
      const names = ["redis.log", "redis.conf", "users.acl"];
      const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
      return texts.join("\n");
    },
    folder,
    async restart() {
      await daemon.kill();
      daemon = await launch();
    },
    async stop() {
      await daemon.kill();
      await removeFolder(folder);
    },
  };
}

/** Sends commands over a connection of their own; the answer to the last one. */
async function ask(options: { port: number; ca: string; commands: (readonly string[])[] }): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const socket = startTls({ host: HOST, port: options.port, ca: options.ca });
  let data = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    data = Buffer.concat([data, chunk]);
    let at = 0;
    let last: Reply = null;
    for (const _ of options.commands) {
      const read = decodeReply(data, at);
      if (!read) return;
      at = read.next;
      last = read.value;
    }
    resolve(last);
  });
  socket.on("error", reject);
  socket.write(options.commands.map(encodeCommand).join(""));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
