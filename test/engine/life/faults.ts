/** What fails under all sequences at once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { PlannedFault } from "./commands.ts";
import type { Grounds } from "./grounds.ts";

/** Carries the failures out one after another, and tells when each began. */
export async function runFaults(grounds: Grounds, faults: readonly PlannedFault[], story: string[]): Promise<void> {
  const begunAt = Date.now();
  const now = () => ((Date.now() - begunAt) / 1000).toFixed(2);
  for (const planned of faults) {
    const { after, ...fault } = planned;
    await sleep(after);
    const at = now();
    await fail(grounds, planned);
    story.push(`${at} s ${Object.values(fault).join(" ")} (until ${now()} s)`);
  }
}

async function fail(grounds: Grounds, fault: PlannedFault): Promise<void> {
  switch (fault.fault) {
    case "kill":
    case "stop":
      return grounds.replaceWorker(fault.worker, fault.fault);
    case "freeze": {
      const worker = await grounds.worker(fault.worker);
      worker.signal("SIGSTOP");
      await sleep(fault.ms);
      return worker.signal("SIGCONT");
    }
    case "temporal":
      return grounds.restartTemporal(fault.downMs);
    case "unreachable":
      await grounds.proxy.refuse();
      await sleep(fault.ms);
      return grounds.proxy.accept();
    case "cut":
      return grounds.proxy.cut();
    case "sweep":
      return grounds.sweep();
  }
}
