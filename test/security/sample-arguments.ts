/** Reads every process's arguments, over and over, as fast as it can; tells its parent what it has seen when asked. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const seen = new Set<string>();
let passes = 0;

process.on("message", () => process.send?.({ passes, seen: [...seen] }));
process.once("disconnect", () => process.exit());

for (;;) {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      seen.add(readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " "));
    } catch {
      // It ended meanwhile.
    }
  }
  passes += 1;
  // Leaves some of the processor to those it watches. Milliseconds.
  await sleep(2);
}
