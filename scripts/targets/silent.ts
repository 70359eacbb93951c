/** A device that takes connections and never says anything. */
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface SilentTarget {
  readonly address: string;
  readonly port: number;
  /** Connections that wait for it now. */
  waiting(): number;
  /** Ends them. */
  release(): void;
  stop(): Promise<void>;
}

export async function startSilentTarget(): Promise<SilentTarget> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    // What comes is taken: who hears nothing back must not be helped by a full buffer.
    socket.resume().on("error", () => {});
    socket.once("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const release = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    address: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    waiting: () => open.size,
    release,
    async stop() {
      release();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
