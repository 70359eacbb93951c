import type { Socket } from "node:net";
import { type Call, type Device, PluginFailure } from "../plugin.ts";
import { openTcp, secure, showIdentity } from "../tls/connect.ts";
import { transportFailure } from "../tls/failures.ts";
import { cutInTime } from "../tls/wait.ts";
import { decodeReply, encodeCommand, type Reply } from "./resp.ts";
import { settingsOf } from "./settings.ts";

const PORT = 6379;
/** No answer that is asked for here is longer. Bytes. */
const LONGEST_ANSWER = 4_000_000;

/** A connection on which commands are asked one after the other. */
export interface Connection {
  /**
   * Sends commands in one piece and waits for an answer to each.
   * @throws PluginFailure when the connection or the time ended
   */
  ask(call: Call, commands: readonly (readonly string[])[]): Promise<Reply[]>;
  isOpen(): boolean;
  /** Cuts at once; what the server has not read yet it never reads. */
  destroy(): void;
}

/**
 * Connects and, unless TLS is off, proves who the server is.
 * @throws PluginFailure
 */
export async function connect(device: Device, call: Call): Promise<Connection> {
  const { tls, ...trust } = settingsOf(device);
  const tcp = await openTcp(device, call, PORT);
  const socket = tls === "off" ? tcp : await secure(tcp, { device, call, trust });
  const destroy = () => {
    tcp.resetAndDestroy();
    socket.destroy();
  };
  return {
    ask: (asking, commands) => ask(socket, asking, commands),
    isOpen: () => socket.writable && !socket.destroyed,
    destroy,
  };
}

/** The certificate's fingerprint, without logging in. */
export async function readIdentity(device: Device, call: Call): Promise<string | undefined> {
  const { tls, ...trust } = settingsOf(device);
  if (tls === "off") return undefined;
  return showIdentity(await openTcp(device, call, PORT), { device, call, trust });
}

async function ask(socket: Socket, call: Call, commands: readonly (readonly string[])[]): Promise<Reply[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply[]>();
  const unwatch = cutInTime(socket, { signal: call.signal, silenceMs: call.readTimeoutMs });
  let data: Buffer = Buffer.alloc(0);
  const lost = () => reject(failureOf(socket.errored));
  const read = (chunk: Buffer) => {
    data = Buffer.concat([data, chunk]);
    try {
      const replies = repliesIn(data, commands.length);
      if (replies) resolve(replies);
    } catch (error) {
      reject(new PluginFailure("target.unexpected", error instanceof Error ? error.message : ""));
    }
  };
  socket.on("data", read).once("error", lost).once("close", lost);
  try {
    if (socket.destroyed) lost();
    else socket.write(commands.map(encodeCommand).join(""));
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    unwatch();
    socket.off("data", read).off("error", lost).off("close", lost);
  }
}

/** All the answers; undefined when some are still to come. */
function repliesIn(data: Buffer, count: number): Reply[] | undefined {
  const replies: Reply[] = [];
  let at = 0;
  while (replies.length < count) {
    const read = decodeReply(data, at);
    if (!read) {
      if (data.length > LONGEST_ANSWER) throw new Error("The answer never ends.");
      return undefined;
    }
    replies.push(read.value);
    at = read.next;
  }
  return replies;
}

function failureOf(error: Error | null): PluginFailure {
  if (!error) return new PluginFailure("target.connection-lost", "The server closed the connection.");
  return transportFailure(error) ?? new PluginFailure("target.unexpected", error.message, { cause: error });
}
