/**
 * The real worker, held once at each moment named in argv: it tells its parent and waits for its word. Between the
 * two the parent can kill, stop or disconnect it exactly there.
 */
import type { Moment } from "../../activities/deps.ts";
import { readConfig } from "../../config/env.ts";
import { startWorker } from "../../worker.ts";

const held = new Set((process.argv[2] ?? "").split(","));

async function hold(moment: Moment, code: number): Promise<void> {
  if (!held.delete(moment)) return;
  const word = new Promise<void>((resolve) => {
    process.on("message", (said: { go: Moment | "all" }) => {
      if (said.go === "all" || said.go === moment) resolve();
    });
  });
  process.send?.({ moment, code });
  await word;
}

const worker = await startWorker(readConfig(), hold);
process.send?.({ ready: true });
process.once("SIGTERM", () => worker.stop());
await worker.done;
process.disconnect();
