import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export interface CuttingProxy {
  readonly port: number;
  /** Bytes passed to the device since the start. */
  readonly sent: number;
  /** Connections open now. */
  readonly connections: number;
  /**
   * From now on passes so many bytes each way (no limit where absent), then cuts every connection; the rest never
   * arrives.
   */
  cutAfter(limit: { toDevice?: number; fromDevice?: number }): void;
  /** Cuts every connection. New ones are taken. */
  cut(): void;
  /** Passes nothing on, and closes nothing. */
  stall(): void;
  /** Passes on what was held back, and all limits are lifted. */
  resume(): void;
  /** Connections are refused until `accept`. */
  refuse(): Promise<void>;
  accept(): Promise<void>;
  stop(): Promise<void>;
}

interface Flow {
  readonly from: Socket;
  readonly to: Socket;
  readonly direction: "toDevice" | "fromDevice";
}

/** A TCP proxy on loopback that loses a device's connection at the worst moment. */
export async function startCuttingProxy(devicePort: number): Promise<CuttingProxy> {
  const left = { toDevice: Infinity, fromDevice: Infinity };
  const pairs = new Set<readonly [Socket, Socket]>();
  let held: (() => void)[] | undefined;
  let sent = 0;

  function cut(): void {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    pairs.clear();
    held = held && [];
  }

  function pass({ from, to, direction }: Flow, data: Buffer): void {
    const part = data.subarray(0, left[direction]);
    left[direction] -= part.length;
    if (direction === "toDevice") sent += part.length;
    if (part.length > 0) to.write(part);
    if (left[direction] > 0) return;
    // What was passed must arrive before the connection ends: a reset could overtake it.
    to.destroySoon();
    from.resetAndDestroy();
  }

  function pipe(flow: Flow): void {
    flow.from.on("data", (data) => {
      if (held) held.push(() => pass(flow, data));
      else pass(flow, data);
    });
    flow.from.on("end", () => (held ? held.push(() => flow.to.end()) : flow.to.end()));
    flow.from.on("error", () => flow.to.destroy());
    flow.from.on("close", () => flow.to.destroySoon());
  }

  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const device = connect({ port: devicePort, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    pairs.add([client, device]);
    pipe({ from: client, to: device, direction: "toDevice" });
    pipe({ from: device, to: client, direction: "fromDevice" });
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const close = async () => {
    const closed = once(server, "close");
    server.close();
    cut();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    port,
    get connections() {
      return pairs.size;
    },
    get sent() {
      return sent;
    },
    cutAfter: (limit) => Object.assign(left, { toDevice: Infinity, fromDevice: Infinity }, limit),
    cut,
    stall: () => {
      held ??= [];
    },
    resume: () => {
      Object.assign(left, { toDevice: Infinity, fromDevice: Infinity });
      const waiting = held ?? [];
      held = undefined;
      for (const go of waiting) go();
    },
    refuse: close,
    accept: () => listen(port),
    stop: async () => {
      if (server.listening) await close();
    },
  };
}
