import { randomInt } from "node:crypto";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Below the ports that Linux gives to outgoing connections: none of those can take one before its server listens. */
const PORTS = { from: 10_000, below: 32_768 };

/** A port nobody listens on at 127.0.0.1 at this moment; two who ask at once hardly get the same. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.below);
    if (await canListen(port)) return port;
  }
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
