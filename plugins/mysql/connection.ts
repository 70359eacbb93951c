import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import { createSecureContext } from "node:tls";
import type { Connection as Driver, ConnectionConfig } from "mariadb";
import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { openTcp } from "../tls/connect.ts";
import { failureOf, numberOf } from "./failures.ts";
import { DEFAULT_PORT, forgetProof, proveServer } from "./proof.ts";
import { settingsOf } from "./settings.ts";

export type Row = Readonly<Record<string, unknown>>;

/** A logged-in connection on which statements are asked one after the other. */
export interface Connection {
  readonly isMariadb: boolean;
  /** Whether the server is at least of this version. */
  isAtLeast(major: number, minor: number, patch: number): boolean;
  /**
   * Sends one statement and waits for its answer, for the call's read time at most.
   * @returns rows; none for a statement without a result
   * @throws PluginFailure
   */
  ask(call: Call, sql: string): Promise<readonly Row[]>;
  isOpen(): boolean;
  /** Says farewell, and cuts. */
  close(): Promise<void>;
  /** Cuts at once; what the server has not read yet it never reads. */
  destroy(): void;
}

const GOODBYE_MS = 1000;
/** Log-ins in which the password cannot be read on the way. Others are answered over TLS only. */
const HIDING = ["mysql_native_password", "client_ed25519", "caching_sha2_password", "parsec"];
/** What Node says of a certificate that it does not take. */
const CERTIFICATE = /CERT|SIGNATURE|ISSUER|_CA$/;

/**
 * Connects and logs in, within the call's connect time; unless TLS is off the server is proven before it hears a name.
 * @throws PluginFailure
 */
export async function connect(device: Device, login: Login, call: Call): Promise<Connection> {
  if (login.username === "" || login.username.includes("\0"))
    throw new PluginFailure("account.unknown", "No account can have this name.");
  const limited = { ...call, signal: AbortSignal.any([call.signal, AbortSignal.timeout(call.connectTimeoutMs)]) };
  if (settingsOf(device).tls === "off") return logIn(device, login, { call: limited });
  const { certificate, known } = await proveServer(device, limited);
  try {
    return await logIn(device, login, { call: limited, certificate });
  } catch (error) {
    if (!(error instanceof OtherCertificate)) throw error;
    forgetProof(device);
    if (!known) throw error;
  }
  // Nobody logged in: the server has a new certificate, which is proven like the first.
  const again = await proveServer(device, limited);
  return logIn(device, login, { call: limited, certificate: again.certificate });
}

class OtherCertificate extends PluginFailure {
  constructor(reason: string) {
    super("target.identity-unknown", `The server's certificate is not taken: ${reason}.`);
  }
}

async function logIn(
  device: Device,
  login: Login,
  { call, certificate }: { call: Call; certificate?: string },
): Promise<Connection> {
  const socket = await openTcp(device, call, DEFAULT_PORT);
  try {
    const { createConnection } = await import("mariadb");
    const options = optionsFor(device, login, { socket, ...(certificate === undefined ? {} : { certificate }) });
    const limits = { signal: call.signal, ms: call.connectTimeoutMs };
    const driver = await inTime(socket, limits, createConnection(options));
    driver.on("error", () => {});
    return wrap(driver, socket);
  } catch (error) {
    cut(socket);
    if (error instanceof PluginFailure) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (numberOf(error) === undefined && CERTIFICATE.test(code)) throw new OtherCertificate(code);
    throw failureOf(error);
  }
}

function optionsFor(
  device: Device,
  login: Login,
  { socket, certificate }: { socket: Socket; certificate?: string },
): ConnectionConfig & { permitRedirect: false } {
  const name = settingsOf(device).serverName ?? device.address;
  return {
    host: device.address,
    user: login.username,
    password: login.password.reveal(),
    stream: (give) => give(undefined, connected(socket)),
    connectTimeout: 0,
    pipelining: false,
    charset: "utf8mb4",
    permitLocalInfile: false,
    // A server must not send the password on to another one.
    permitRedirect: false,
    // The connector would write its warnings to standard output.
    logger: { warning: () => {} },
    ...(certificate === undefined ? { restrictedAuth: HIDING } : { ssl: only(certificate, name) }),
  };
}

/** TLS that takes this certificate and no other. */
function only(certificate: string, name: string) {
  const expected = new X509Certificate(certificate).raw;
  return {
    // Named here as well, because without it the connector trusts a self-signed certificate until after the log-in.
    ca: certificate,
    secureContext: createSecureContext({ ca: certificate, allowPartialTrustChain: true }),
    ...(isIP(name) ? {} : { servername: name }),
    rejectUnauthorized: true,
    checkServerIdentity: (_: string, { raw }: { raw: Buffer }) =>
      expected.equals(raw) ? undefined : Object.assign(new Error("another certificate"), { code: "OTHER_CERT" }),
  };
}

/** The connector waits for its stream to connect; this one is connected already. */
function connected(socket: Socket): Socket {
  process.nextTick(() => socket.emit("connect"));
  return socket;
}

/**
 * Waits for the connector, which does not notice a connection that closes without an error. When the time is over the
 * connection is cut without one, too: the connector lets go of its listeners, and an error that nobody hears ends the
 * process.
 * @throws PluginFailure for the end and the time; else what the connector throws
 */
async function inTime<T>(socket: Socket, limits: { signal: AbortSignal; ms: number }, work: Promise<T>): Promise<T> {
  const { signal, ms } = limits;
  const { promise: end, reject } = Promise.withResolvers<never>();
  const closed = () =>
    reject(socket.errored ?? new PluginFailure("target.connection-lost", "The server closed the connection."));
  const over = (why: string) => {
    reject(new PluginFailure("target.timeout", why));
    cut(socket);
  };
  const stop = () => over("The time for this step was over.");
  const timer = setTimeout(() => over("The server was silent for too long."), ms);
  signal.addEventListener("abort", stop, { once: true });
  socket.once("close", closed);
  if (signal.aborted) stop();
  if (socket.destroyed) closed();
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    socket.off("close", closed);
    work.catch(() => {});
    end.catch(() => {});
  }
}

function cut(socket: Socket): void {
  socket.on("error", () => {});
  if (!socket.destroyed) socket.resetAndDestroy();
}

function wrap(driver: Driver, socket: Socket): Connection {
  const { info } = driver;
  return {
    isMariadb: info?.isMariaDB() ?? false,
    isAtLeast: (major, minor, patch) => info?.hasMinVersion(major, minor, patch) ?? false,
    async ask(call, sql) {
      const limits = { signal: call.signal, ms: call.readTimeoutMs };
      try {
        const answer = await inTime(socket, limits, driver.query<unknown>(sql));
        return Array.isArray(answer) ? (answer as Row[]) : [];
      } catch (error) {
        throw failureOf(error);
      }
    },
    isOpen: () => driver.isValid() && !socket.destroyed,
    async close() {
      const limits = { signal: new AbortController().signal, ms: GOODBYE_MS };
      await inTime(socket, limits, driver.end()).catch(() => {});
      cut(socket);
    },
    destroy: () => cut(socket),
  };
}
