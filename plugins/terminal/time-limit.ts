import { PluginFailure, type Call } from "../plugin.ts";

/**
 * Rejects when the time is over or the call is aborted.
 * @returns what takes the guard away again
 */
export function limit(call: Call, timeMs: number, reject: (failure: PluginFailure) => void): () => void {
  const abort = () => reject(new PluginFailure("target.timeout", "stopped from outside"));
  const timer = setTimeout(() => reject(new PluginFailure("target.timeout", "no answer in time")), timeMs);
  call.signal.addEventListener("abort", abort, { once: true });
  if (call.signal.aborted) abort();
  return () => {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", abort);
  };
}
