/** How long a change may take: from here take it all who give it time, or wait for its end. */
import { Settings } from "./settings.schema.ts";

type Limits = Pick<Settings, "connectTimeoutSeconds" | "readTimeoutSeconds" | "leaseSeconds">;

/** Log in, send within the lease, log in again twice, and room for our own database. Milliseconds. */
export function changeLimitMs({ connectTimeoutSeconds, readTimeoutSeconds, leaseSeconds }: Limits): number {
  return (3 * (connectTimeoutSeconds + readTimeoutSeconds) + leaseSeconds + 60) * 1000;
}

function widest(limit: keyof Limits): number {
  return Settings.shape[limit].unwrap().maxValue ?? 0;
}

/** Under the widest limits that can be set. Milliseconds. */
export const LONGEST_CHANGE_MS = changeLimitMs({
  connectTimeoutSeconds: widest("connectTimeoutSeconds"),
  readTimeoutSeconds: widest("readTimeoutSeconds"),
  leaseSeconds: widest("leaseSeconds"),
});

/**
 * How long whoever stops a worker waits for it before killing it: a change under the limits as they come, and some
 * room. One that takes longer is taken up by a probe, as after a crash. Milliseconds.
 */
export const WORKER_STOP_MS = changeLimitMs(Settings.parse({})) + 10_000;
