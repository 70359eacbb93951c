import type { Socket } from "node:net";
import { Attribute, type Change, Client, type Entry, ResultCodeError } from "ldapts";
import type { Secret } from "../../contracts/secret.ts";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { openTcp, secure, showIdentity } from "../tls/connect.ts";
import { transportFailure } from "../tls/failures.ts";
import { cutInTime } from "../tls/wait.ts";
import { answerFailure, loginFailure } from "./failures.ts";
import { settingsOf } from "./settings.ts";
import { startTls } from "./starttls.ts";

const PORTS = { ldaps: 636, starttls: 389, off: 389 } as const;
/** How long a polite end may take before the connection is cut. Milliseconds. */
const FAREWELL_MS = 1000;

export interface Search {
  readonly base: string;
  readonly scope: "base" | "sub";
  readonly filter?: string;
  readonly attributes: readonly string[];
  /** Most entries that are of interest. */
  readonly limit: number;
}

/** A connection to a directory whose certificate was checked. Every verb throws {@link PluginFailure}. */
export interface Connection {
  /** Logs in. Once: a second name needs a second connection. */
  bind(call: Call, name: string, password: Secret): Promise<void>;
  search(call: Call, search: Search): Promise<Entry[]>;
  modify(call: Call, dn: string, changes: readonly Change[]): Promise<void>;
  /** @param values of the new entry, as if they were added to it */
  add(call: Call, dn: string, values: readonly Change[]): Promise<void>;
  remove(call: Call, dn: string): Promise<void>;
  extended(call: Call, oid: string, value: Buffer): Promise<void>;
  isOpen(): boolean;
  close(): Promise<void>;
  /** Cuts at once; what the server has not read yet it never reads. */
  destroy(): void;
}

/**
 * Connects and, unless TLS is off, proves who the server is.
 * @throws PluginFailure
 */
export async function connect(device: Device, call: Call): Promise<Connection> {
  const { tls, ...trust } = settingsOf(device);
  const tcp = await openTcp(device, call, PORTS[tls]);
  const encryption = { device, call, trust };
  if (tls === "off") return wrap(tcp, tcp);
  return wrap(tcp, tls === "ldaps" ? await secure(tcp, encryption) : await startTls(tcp, encryption, secure));
}

/** The certificate's fingerprint, without logging in. */
export async function readIdentity(device: Device, call: Call): Promise<string | undefined> {
  const { tls, ...trust } = settingsOf(device);
  if (tls === "off") return undefined;
  const tcp = await openTcp(device, call, PORTS[tls]);
  const encryption = { device, call, trust };
  return tls === "ldaps" ? showIdentity(tcp, encryption) : startTls(tcp, encryption, showIdentity);
}

function wrap(tcp: Socket, socket: Socket): Connection {
  const client = new Client({ url: "ldap://device", strictDN: false, createConnection: () => socket });
  const ask = <T>(call: Call, work: () => Promise<T>, explain = answerFailure) =>
    during({ socket, call, work, explain });
  const destroy = () => {
    tcp.resetAndDestroy();
    socket.destroy();
  };
  return {
    bind: (call, name, password) => ask(call, () => client.bind(name, password.reveal()), loginFailure),
    search: async (call, { base, scope, filter, attributes, limit }) => {
      const options = { scope, sizeLimit: limit, attributes: [...attributes], ...(filter && { filter }) };
      return (await ask(call, () => client.search(base, options))).searchEntries;
    },
    modify: (call, dn, changes) => ask(call, () => client.modify(dn, [...changes])),
    add: (call, dn, values) => ask(call, () => client.add(dn, gather(values))),
    remove: (call, dn) => ask(call, () => client.del(dn)),
    extended: async (call, oid, value) => void (await ask(call, () => client.exop(oid, value))),
    isOpen: () => socket.writable && !socket.destroyed,
    async close() {
      if (socket.destroyed) return;
      const closed = new Promise((resolve) => socket.once("close", resolve));
      const timer = setTimeout(destroy, FAREWELL_MS);
      client.unbind().catch(destroy);
      await closed;
      clearTimeout(timer);
    },
    destroy,
  };
}

/** The values of each attribute together: naming one twice is an error of the protocol. */
function gather(values: readonly Change[]): Attribute[] {
  const types = [...new Set(values.map(({ modification: { type } }) => type))];
  return types.map((type) => {
    const same = values.filter(({ modification }) => modification.type === type);
    return new Attribute({ type, values: same.flatMap(({ modification }) => modification.values as Buffer[]) });
  });
}

interface Work<T> {
  readonly socket: Socket;
  readonly call: Call;
  readonly work: () => Promise<T>;
  readonly explain: (error: ResultCodeError) => PluginFailure;
}

/** One request and its answer, in time. The driver knows no reason why a connection ended: the socket does. */
async function during<T>({ socket, call, work, explain }: Work<T>): Promise<T> {
  const unwatch = cutInTime(socket, { signal: call.signal, silenceMs: call.readTimeoutMs });
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = () => reject(lost(socket.errored));
  ended.catch(() => {});
  socket.once("close", end);
  if (socket.destroyed) end();
  try {
    return await Promise.race(socket.destroyed ? [ended] : [started(socket, work), ended]);
  } catch (error) {
    if (error instanceof ResultCodeError) throw explain(error);
    if (error instanceof PluginFailure) throw error;
    if (socket.destroyed) throw lost(socket.errored);
    throw new PluginFailure("target.unexpected", error instanceof Error ? error.message : String(error));
  } finally {
    unwatch();
    socket.off("close", end);
  }
}

function started<T>(socket: Socket, work: () => Promise<T>): Promise<T> {
  const working = work();
  // The driver takes all listeners away when it first uses the socket; without one an error would end the process.
  socket.on("error", ignore);
  return working.finally(() => socket.off("error", ignore));
}

function ignore(): void {}

function lost(error: Error | null): PluginFailure {
  if (!error) return new PluginFailure("target.connection-lost", "The server closed the connection.");
  return transportFailure(error) ?? new PluginFailure("target.unexpected", error.message, { cause: error });
}
