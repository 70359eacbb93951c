/** The least Temporal can do, on the same server: what Keyturn's own workflows are measured against. */
import { condition, defineSignal, proxyActivities, setHandler } from "@temporalio/workflow";

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: "1 minute" });

export async function empty(): Promise<void> {}

export async function oneActivity(): Promise<void> {
  await nothing();
}

/** Waits for a word, as a run does for its approval, and then runs its activity. */
export async function signalled(): Promise<void> {
  let told = false;
  setHandler(defineSignal("go"), () => void (told = true));
  await condition(() => told);
  await nothing();
}
