/** What one measured load gave. Times are milliseconds. */
export interface Measured {
  readonly count: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** The smallest value that at least `share` (0..1) of the values do not exceed. NaN when there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** @param times milliseconds of each item @param elapsedMs of all of them together */
export function summarize(times: readonly number[], elapsedMs: number): Measured {
  return {
    count: times.length,
    perSecond: (times.length / elapsedMs) * 1000,
    p50: percentile(times, 0.5),
    p95: percentile(times, 0.95),
    p99: percentile(times, 0.99),
  };
}
