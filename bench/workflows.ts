/** The least Temporal can do, on the same server: what Keyturn's own workflows are measured against. */
import { proxyActivities } from "@temporalio/workflow";

const { nothing } = proxyActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: "1 minute" });

export async function empty(): Promise<void> {}

export async function oneActivity(): Promise<void> {
  await nothing();
}
