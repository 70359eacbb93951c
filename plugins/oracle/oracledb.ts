/** Oracle by `oracledb` in its thin mode, which needs no library of Oracle's; loaded when it is needed first. */
import type { Connection as Thin } from "oracledb";
import { type Call, PluginFailure } from "../plugin.ts";
import type { Connection, Driver, Row, Target } from "./driver.ts";

export const driver: Driver = {
  async connect(target: Target, call: Call) {
    const { default: oracledb } = await import("oracledb");
    const opening = oracledb.getConnection({ ...target });
    const thin = await inTime(opening, call.signal, () => {
      opening.then((late) => late.close({ drop: true })).catch(() => {});
    });
    return wrap(thin, oracledb.OUT_FORMAT_OBJECT);
  },
};

function wrap(thin: Thin, outFormat: number): Connection {
  const destroy = () => {
    thin.close({ drop: true }).catch(() => {});
  };
  return {
    async ask(call, sql, binds = {}) {
      // The driver gives up by itself and tells the server; the signal is for callers that give up earlier.
      thin.callTimeout = call.readTimeoutMs;
      const result = await inTime(thin.execute<Row>(sql, binds, { outFormat }), call.signal, destroy);
      return result.rows ?? [];
    },
    isOpen: () => thin.isHealthy(),
    close: async () => thin.close(),
    destroy,
  };
}

async function inTime<T>(work: Promise<T>, signal: AbortSignal, giveUp: () => void): Promise<T> {
  const { promise: over, reject } = Promise.withResolvers<never>();
  const stop = () => {
    giveUp();
    reject(new PluginFailure("target.timeout", "The time for this step was over."));
  };
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work, over]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
