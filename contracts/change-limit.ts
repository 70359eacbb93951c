/** How long a change may take: from here take it all who give it time, or wait for its end. */
import { Settings } from "./settings.schema.ts";

type Limits = Pick<Settings, "connectTimeoutSeconds" | "readTimeoutSeconds" | "leaseSeconds">;

/** Log in, send within the lease, log in again twice, and room for our own database. Milliseconds. */
export function changeLimitMs({ connectTimeoutSeconds, readTimeoutSeconds, leaseSeconds }: Limits): number {
  return (3 * (connectTimeoutSeconds + readTimeoutSeconds) + leaseSeconds + 60) * 1000;
}

/** Share of the lease after which the connection is cut: what still leaves the worker then cannot outlive the lease. */
export const LEASE_SHARE = 0.8;

/** How long a template may wait for a device: it is ended when its run, or its part of the lease, is over. Seconds. */
export function longestWaitSeconds({ connectTimeoutSeconds, readTimeoutSeconds, leaseSeconds }: Limits): number {
  return Math.min(connectTimeoutSeconds + readTimeoutSeconds, Math.floor(leaseSeconds * LEASE_SHARE));
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
