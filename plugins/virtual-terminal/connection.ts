import { type Call, type Device, PluginFailure } from "../plugin.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { openTcp } from "../tls/connect.ts";
import { Codec } from "./codec.ts";

const PORT = 23;
/** How long a polite end may take before the connection is cut. Milliseconds. */
const FAREWELL_MS = 1000;
/** So much of what nobody listened to is kept. Bytes. */
const KEPT = 262_144;

/** A Telnet connection. Nothing on it is encrypted. */
export interface Connection {
  /** The terminal, for one listener after the other: each hears first what came since something was sent last. */
  terminal(): Terminal;
  isOpen(): boolean;
  close(): Promise<void>;
  destroy(): void;
}

/**
 * Connects, and answers what the device wants to know of our terminal.
 * @throws PluginFailure with a `target.*` code
 */
export async function connect(device: Device, call: Call): Promise<Connection> {
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped before it began");
  const socket = await openTcp(device, call, PORT);
  const codec = new Codec((bytes) => void socket.write(bytes));
  let kept: Buffer[] = [];
  let length = 0;
  let hear: (bytes: Buffer) => void = () => undefined;
  let end: () => void = () => undefined;
  let ended = false;
  socket.on("data", (bytes) => {
    const said = codec.decode(bytes);
    if (said.length === 0) return;
    kept.push(said);
    for (length += said.length; length > KEPT;) length -= kept.shift()?.length ?? 0;
    hear(said);
  });
  const over = () => {
    if (!ended) end();
    ended = true;
  };
  // A device that has said everything waits for nothing from us.
  socket.once("end", over).once("close", over);
  return {
    terminal: () => ({
      write(bytes) {
        kept = [];
        length = 0;
        socket.write(codec.encode(bytes));
      },
      onData(listener) {
        hear = listener;
        for (const said of kept) listener(said);
      },
      onClose(listener) {
        end = listener;
        if (ended) listener();
      },
    }),
    isOpen: () => !ended && socket.writable,
    async close() {
      if (socket.destroyed) return;
      const closed = new Promise((resolve) => socket.once("close", resolve));
      const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
      socket.end();
      await closed;
      clearTimeout(timer);
    },
    destroy: () => void socket.resetAndDestroy(),
  };
}
