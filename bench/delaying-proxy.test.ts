import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { performance } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { startDelayingProxy } from "./delaying-proxy.ts";

test("bytes pass whole and in order, no sooner than the round trip allows", async () => {
  const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(echo, "listening");
  const proxy = await startDelayingProxy((echo.address() as AddressInfo).port, 60);
  const begun = performance.now();
  const client = connect({ port: proxy.port, host: "127.0.0.1" });
  const sent = Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join("");
  client.end(sent);
  expect(await text(client)).toBe(sent);
  // One round trip to open, one for the bytes; a timer may fire a millisecond early.
  expect(performance.now() - begun).toBeGreaterThan(118);
  await proxy.close();
  echo.close();
});
