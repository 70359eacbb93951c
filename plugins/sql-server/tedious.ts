/** SQL Server by `tedious`, which is loaded when it is needed first: it brings a lot along. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Connection as Tds, ConnectionConfiguration, Request } from "tedious";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { fingerprint, identityProblem, openTcp } from "../tls/connect.ts";
import type { Connection, Driver, Row } from "./driver.ts";
import { failureOf } from "./failures.ts";
import { settingsOf } from "./settings.ts";

const DEFAULT_PORT = 1433;
const NO_ONE = { userName: "", password: "" };

export const driver: Driver = {
  async connect(device, login, call) {
    const credentials = { userName: login.username, password: login.password.reveal() };
    const { tds, socket } = await open({ device, call, credentials, onSecure: (tls) => identityProblem(tls, device) });
    return wrap(tds, socket);
  },
  async identify(device, call) {
    if (settingsOf(device).tls === "off") return undefined;
    let seen: string | undefined;
    const onSecure = (tls: TLSSocket) => {
      seen = fingerprint(tls);
      return new PluginFailure("target.identity-unknown");
    };
    await open({ device, call, credentials: NO_ONE, onSecure }).catch((error: unknown) => {
      if (seen === undefined) throw error;
    });
    return seen;
  },
};

interface Opening {
  readonly device: Device;
  readonly call: Call;
  readonly credentials: { readonly userName: string; readonly password: string };
  /** Looks at the server before anything is said to it; a failure ends the connection. */
  onSecure(tls: TLSSocket): PluginFailure | undefined;
}

async function open({ device, call, credentials, onSecure }: Opening): Promise<{ tds: Tds; socket: Socket }> {
  const { Connection } = await import("tedious");
  const signal = AbortSignal.any([call.signal, AbortSignal.timeout(call.connectTimeoutMs)]);
  const socket = await openTcp(device, { ...call, signal }, DEFAULT_PORT);
  const tds = new Connection(configuration({ device, call, credentials, socket }));
  let problem: PluginFailure | undefined;
  let number: number | undefined;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => {
    reject(new PluginFailure("target.timeout", "The time for this step was over."));
    socket.resetAndDestroy();
  };
  // Called before the driver writes the log-in.
  tds.on("secure", (tls: TLSSocket) => {
    problem = onSecure(tls);
    if (!problem) return;
    reject(problem);
    socket.resetAndDestroy();
  });
  tds.on("errorMessage", (message) => {
    number ??= message.number;
  });
  // Without a listener the end of an idle connection would end the process.
  tds.on("error", () => {});
  socket.once("close", () => reject(new PluginFailure("target.connection-lost", "The server closed the connection.")));
  signal.addEventListener("abort", stop, { once: true });
  try {
    tds.connect((error) => (error ? reject(problem ?? failureOf(error, number)) : resolve()));
    await promise;
    return { tds, socket };
  } catch (error) {
    tds.close();
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function configuration({
  device,
  call,
  credentials,
  socket,
}: Omit<Opening, "onSecure"> & { readonly socket: Socket }): ConnectionConfiguration {
  const { database, tls, caCertificate, serverName } = settingsOf(device);
  return {
    server: device.address,
    authentication: { type: "default", options: { ...credentials } },
    options: {
      port: device.port ?? DEFAULT_PORT,
      // A second connection, to where the server points, would be one that nobody has allowed.
      connector: once(socket),
      database,
      appName: "keyturn",
      encrypt: tls === "verify",
      // The result is read when the connection is secure, where a pin may decide instead of the authority.
      trustServerCertificate: true,
      serverName: serverName ?? device.address,
      cryptoCredentialsDetails: caCertificate === undefined ? {} : { ca: caCertificate },
      connectTimeout: call.connectTimeoutMs,
      // The time of each batch is kept here.
      requestTimeout: 0,
      // A log-in that failed is not tried again: accounts are locked that way.
      maxRetriesOnTransientErrors: 0,
      useColumnNames: true,
      rowCollectionOnRequestCompletion: false,
    },
  };
}

function once(socket: Socket): () => Promise<Socket> {
  let given = false;
  return async () => {
    if (given) throw new PluginFailure("target.unexpected", "The server wants the log-in to go to another server.");
    given = true;
    return socket;
  };
}

function wrap(tds: Tds, socket: Socket): Connection {
  const destroy = () => {
    socket.resetAndDestroy();
    tds.close();
  };
  return {
    ask: (call, batch) => ask({ tds, socket, call, destroy }, batch),
    isOpen: () => !socket.destroyed,
    close: async () => tds.close(),
    destroy,
  };
}

interface Asking {
  readonly tds: Tds;
  readonly socket: Socket;
  readonly call: Call;
  destroy(): void;
}

async function ask({ tds, socket, call, destroy }: Asking, batch: string): Promise<Row[]> {
  const { Request: NewRequest } = await import("tedious");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const rows: Row[] = [];
  const over = () => {
    reject(new PluginFailure("target.timeout", "The server was silent for too long, or the time was over."));
    destroy();
  };
  const lost = () => reject(new PluginFailure("target.connection-lost", "The server closed the connection."));
  const timer = setTimeout(over, call.readTimeoutMs);
  call.signal.addEventListener("abort", over, { once: true });
  socket.once("close", lost);
  if (socket.destroyed) lost();
  else if (call.signal.aborted) over();
  else {
    const request: Request = new NewRequest(batch, (error) => (error ? reject(failureOf(error)) : resolve()));
    request.on("row", (columns: Record<string, { value: unknown }>) =>
      rows.push(Object.fromEntries(Object.entries(columns).map(([name, { value }]) => [name, value]))),
    );
    tds.execSqlBatch(request);
  }
  try {
    await promise;
    return rows;
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", over);
    socket.off("close", lost);
  }
}
