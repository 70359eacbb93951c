import { createServer, connect, type AddressInfo, type Socket } from "node:net";

export interface DelayingProxy {
  readonly port: number;
  close(): Promise<void>;
}

/** Hands on each chunk `delayMs` after it came, in order, and the end likewise. */
function hand(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (chunk: Buffer) => setTimeout(() => to.writable && to.write(chunk), delayMs));
  from.on("end", () => setTimeout(() => to.end(), delayMs));
  from.on("error", () => to.destroy());
  from.on("close", () => setTimeout(() => to.destroy(), delayMs));
}

/**
 * Stands before a device as if it were far away: every byte takes half the round trip in each direction, and so does
 * opening a connection.
 * @param target port on 127.0.0.1 @param roundTripMs whole round trip to add, milliseconds
 */
export async function startDelayingProxy(target: number, roundTripMs: number): Promise<DelayingProxy> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    // The kernel accepted already, so the handshake's round trip is made up for on the way in of the first bytes.
    client.pause();
    const device = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    for (const socket of [client, device]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
    }
    hand(device, client, roundTripMs / 2);
    hand(client, device, roundTripMs / 2);
    setTimeout(() => client.resume(), roundTripMs);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
