import pg from "pg";
import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { changeFailure } from "./failures.ts";
import { isLegal } from "./legal.ts";
import type { LoginResult } from "./login.ts";
import { scramVerifier } from "./scram.ts";
import { cutInTime } from "./socket.ts";

/**
 * The server itself refuses the change later than this after it was asked for, by its own clock: whatever waits in a
 * buffer, behind a lock or in a stopped process does nothing afterwards. Milliseconds.
 */
export const LIMIT_MS = 5000;

interface Role {
  can_log_in: boolean;
  expired: boolean | null;
  /** The server's clock, seconds since 1970. */
  now: number;
  iterations: number;
}

/** `rolname::text`: a parameter of type name would be cut to 63 bytes and could hit another role. */
const LOOK_UP = `
  SELECT rolcanlogin AS can_log_in, rolvaliduntil <= pg_catalog.now() AS expired,
    extract(epoch FROM pg_catalog.clock_timestamp())::float8 AS now,
    coalesce(pg_catalog.current_setting('scram_iterations'::text, true), '4096')::int AS iterations
  FROM pg_catalog.pg_roles WHERE rolname::text = $1::text`;

/** A logged-in connection that changes passwords, one at a time. */
export function createSession({ client, socket, checked }: LoginResult): Session {
  let usable = true;
  const ended = () => {
    usable = false;
  };
  client.on("error", ended).on("end", ended);

  async function apply(change: Change, call: Call, pointOfNoReturn: () => Promise<void>): Promise<void> {
    const role = await lookUp(client, change.account.username);
    refuseEarly(change, role, checked);
    const verifier = await scramVerifier(change.next.reveal(), role.iterations);
    const statement = alterRole(change.account.username, verifier, role.now + LIMIT_MS / 1000);
    call.transcript("role found; ALTER ROLE … PASSWORD follows");
    await pointOfNoReturn();
    await client.query(statement);
    call.transcript("ALTER ROLE done");
  }

  return {
    apply: async (change, call, pointOfNoReturn) => {
      const unwatch = cutInTime(socket, { signal: call.signal, silenceMs: call.readTimeoutMs });
      let gate: { error: unknown } | undefined;
      const pass = () =>
        pointOfNoReturn().catch((error: unknown) => {
          gate = { error };
          throw error;
        });
      try {
        await apply(change, call, pass);
      } catch (error) {
        usable = false;
        throw gate ? gate.error : changeFailure(error);
      } finally {
        unwatch();
      }
    },
    reusable: () => usable,
    close: async () => {
      usable = false;
      const done = new Promise((resolve) => socket.once("close", resolve));
      if (socket.destroyed) return;
      cutInTime(socket, { signal: AbortSignal.timeout(LIMIT_MS), silenceMs: LIMIT_MS });
      client.end().catch(() => socket.destroy());
      await done;
    },
    destroy: () => {
      usable = false;
      socket.destroy();
    },
  };
}

async function lookUp(client: pg.Client, username: string): Promise<Role> {
  const unknown = new PluginFailure("account.unknown", "The server has no role of this name.");
  if (username.includes("\0")) throw unknown;
  const { rows } = await client.query<Role>(LOOK_UP, [username]);
  if (!rows[0]) throw unknown;
  return rows[0];
}

/** What would leave a password that cannot be proven afterwards, or that the log-in would read differently. */
function refuseEarly(change: Change, role: Role, checked: boolean): void {
  if (change.own && !checked)
    throw new PluginFailure("verify.no-password-asked", "The server let the account in without its password.");
  if (role.expired)
    throw new PluginFailure("auth.expired", "VALID UNTIL of the role has passed: no password of it would log in.");
  if (!isLegal(change.next.reveal()))
    throw new PluginFailure("change.refused", "The new password must be 1 to 128 characters of printable ASCII.");
}

/**
 * One message, so one transaction: an error in its first statement undoes and skips the second. The first sets how
 * long the second may take, and fails when that time is over; it also makes the server keep what it commits.
 * @param deadline by the server's clock, seconds since 1970
 */
function alterRole(username: string, verifier: string, deadline: number): string {
  const left = `(${deadline}::float8 - extract(epoch FROM pg_catalog.clock_timestamp())::float8) * 1000`;
  return `
    SELECT pg_catalog.set_config('statement_timeout'::text,
        CASE WHEN ms > 0 THEN pg_catalog.ceil(ms)::int::text ELSE ('late by ' || (-ms)::text || ' ms')::int::text END, true),
      CASE WHEN pg_catalog.current_setting('synchronous_commit'::text) = 'off'
        THEN pg_catalog.set_config('synchronous_commit'::text, 'local'::text, true) END
    FROM (SELECT ${left} AS ms OFFSET 0) AS remaining;
    ALTER ROLE ${pg.escapeIdentifier(username)} PASSWORD ${pg.escapeLiteral(verifier)}`;
}
