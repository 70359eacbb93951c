/**
 * The server itself refuses what reaches it later than this after it was prepared, by its own clock: whatever waits in
 * a buffer, behind a lock or in a stopped process does nothing afterwards. Milliseconds.
 */
export const LIMIT_MS = 5000;

/** The server's clock, seconds since 1970, and what else a change needs to know of its settings. */
export const CLOCK = `extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS now,
    coalesce(pg_catalog.current_setting('scram_iterations'::text, true), '4096')::int AS iterations`;

/**
 * A message that is carried out before a deadline or not at all: an error in its first statement undoes and skips the
 * second. The first sets how long the second may take, and fails when that time is over; it also makes the server keep
 * what it commits.
 * @param now by the server's clock, seconds since 1970
 */
export function inTime(now: number, statement: string): string {
  const left = `(${now + LIMIT_MS / 1000}::float8 - extract(epoch FROM pg_catalog.clock_timestamp())::float8) * 1000`;
  return `
    SELECT pg_catalog.set_config('statement_timeout'::text,
        CASE WHEN ms > 0 THEN pg_catalog.ceil(ms)::int::text ELSE ('late by ' || (-ms)::text || ' ms')::int::text END, true),
      CASE WHEN pg_catalog.current_setting('synchronous_commit'::text) = 'off'
        THEN pg_catalog.set_config('synchronous_commit'::text, 'local'::text, true) END
    FROM (SELECT ${left} AS ms OFFSET 0) AS remaining;
    ${statement}`;
}
