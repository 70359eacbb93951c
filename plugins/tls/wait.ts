import type { Socket } from "node:net";
import { type Call, PluginFailure } from "../plugin.ts";
import { transportFailure } from "./failures.ts";

/** Cuts the connection when the time is over or the server is silent for too long; returns how to stop watching. */
export function cutInTime(socket: Socket, limits: { signal: AbortSignal; silenceMs: number }): () => void {
  const cut = (why: string) => socket.destroy(Object.assign(new Error(why), { code: "ETIMEDOUT" }));
  const over = () => cut("The time for this step was over.");
  const silent = () => cut("The server was silent for too long.");
  if (limits.signal.aborted) over();
  limits.signal.addEventListener("abort", over, { once: true });
  socket.setTimeout(limits.silenceMs);
  socket.once("timeout", silent);
  return () => {
    limits.signal.removeEventListener("abort", over);
    socket.setTimeout(0);
    socket.off("timeout", silent);
  };
}

/**
 * Waits for one event of a connection, within the call's connect time.
 * @param start listens for the event and calls `done`
 * @throws PluginFailure when its end, an error or the time comes first; the connection is destroyed then
 */
export async function happens(socket: Socket, call: Call, start: (done: () => void) => void): Promise<void> {
  const unwatch = cutInTime(socket, { signal: call.signal, silenceMs: call.connectTimeoutMs });
  let fail: ((error?: unknown) => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      fail = (error) => reject(lost(error));
      socket.once("error", fail);
      socket.once("close", fail);
      if (socket.destroyed) fail(socket.errored);
      start(resolve);
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    unwatch();
    if (fail) socket.off("error", fail).off("close", fail);
  }
}

function lost(error: unknown): PluginFailure {
  if (!(error instanceof Error)) return new PluginFailure("target.connection-lost", "The connection was closed.");
  return transportFailure(error) ?? new PluginFailure("target.unexpected", error.message, { cause: error });
}
