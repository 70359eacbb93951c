import type { Settings } from "../contracts/settings.schema.ts";
import type { Call } from "../plugins/plugin.ts";

type Times = Pick<Settings, "connectTimeoutSeconds" | "readTimeoutSeconds">;

/** How long one log-in, or one dialogue, may take. Milliseconds. */
export function limitMs({ connectTimeoutSeconds, readTimeoutSeconds }: Times): number {
  return (connectTimeoutSeconds + readTimeoutSeconds) * 1000;
}

/** What a verb of a plugin is told; within the signal, or the time of one log-in. */
export function callOf(
  settings: Times,
  { transcript, signal }: { transcript: Call["transcript"]; signal?: AbortSignal },
): Call {
  return {
    connectTimeoutMs: settings.connectTimeoutSeconds * 1000,
    readTimeoutMs: settings.readTimeoutSeconds * 1000,
    signal: signal ?? AbortSignal.timeout(limitMs(settings)),
    transcript,
  };
}
