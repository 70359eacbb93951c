import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Below the ports that Linux gives to outgoing connections: none of those can take one before its server listens. */
const PORTS = { from: 10_000, below: 32_768 };

/** A port nobody listens on at 127.0.0.1 at this moment, and nobody else gets as long as this process lives. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.below);
    if ((await reserve(port)) && (await canListen(port))) return port;
  }
}

/**
 * Takes the port of the same number of UDP, which nobody uses: whoever asks meanwhile, in any process, gets another, also
 * while the server that this one is for starts, or starts again.
 */
function reserve(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ port, address: "127.0.0.1" }, () => {
      socket.unref();
      resolve(true);
    });
  });
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(error),
    );
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** True when something accepts connections there: on a port of 127.0.0.1, or on a socket by its path. */
export function answers(place: number | string, host = "127.0.0.1"): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = typeof place === "string" ? connect({ path: place }) : connect({ port: place, host });
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.setTimeout(2000, () => end(false));
  });
}

/**
 * Asks again until the answer is yes.
 * @param options.what named in the error
 * @param options.timeoutMs how long to go on
 * @param options.everyMs pause between two questions
 * @throws Error when the time is over, or what `ask` throws
 */
export async function until(
  ask: () => Promise<boolean>,
  options: { what: string; timeoutMs: number; everyMs?: number },
): Promise<void> {
  const end = Date.now() + options.timeoutMs;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`${options.what} did not happen within ${options.timeoutMs / 1000} s.`);
    await sleep(options.everyMs ?? 25);
  }
}
