import pg from "pg";
import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { cutInTime } from "../tls/wait.ts";
import { CLOCK, inTime, LIMIT_MS } from "./deadline.ts";
import { changeFailure } from "./failures.ts";
import { isLegal } from "./legal.ts";
import type { LoginResult } from "./login.ts";
import { scramVerifier } from "./scram.ts";
import { changeByTemplate, rehearse, runByTemplate } from "./template.ts";

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
    ${CLOCK}
  FROM pg_catalog.pg_roles WHERE rolname::text = $1::text`;

/** A logged-in connection that changes passwords, one at a time. */
export function createSession({ client, socket, checked }: LoginResult): Session {
  let usable = true;
  const ended = () => {
    usable = false;
  };
  client.on("error", ended).on("end", ended);

  async function apply(change: Change, call: Call, pointOfNoReturn: () => Promise<void>): Promise<void> {
    refuseAlways(change, checked);
    if (change.script) return changeByTemplate(change.script, { client, call, pointOfNoReturn });
    const role = await lookUp(client, change.account.username);
    if (role.expired)
      throw new PluginFailure("auth.expired", "VALID UNTIL of the role has passed: no password of it would log in.");
    const verifier = await scramVerifier(change.next.reveal(), role.iterations);
    const [name, stored] = [pg.escapeIdentifier(change.account.username), pg.escapeLiteral(verifier)];
    const statement = inTime(role.now, `ALTER ROLE ${name} PASSWORD ${stored}`);
    call.transcript("role found; ALTER ROLE … PASSWORD follows");
    await pointOfNoReturn();
    await client.query(statement);
    call.transcript("ALTER ROLE done");
  }

  /** Does one piece of work in the call's time; the session is over when it fails. */
  async function guarded<T>(
    { call, pointOfNoReturn = async () => {} }: { call: Call; pointOfNoReturn?: () => Promise<void> },
    work: (pass: () => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const unwatch = cutInTime(socket, { signal: call.signal, silenceMs: call.readTimeoutMs });
    let gate: { error: unknown } | undefined;
    const pass = () =>
      pointOfNoReturn().catch((error: unknown) => {
        gate = { error };
        throw error;
      });
    try {
      return await work(pass);
    } catch (error) {
      usable = false;
      throw gate ? gate.error : changeFailure(error);
    } finally {
      unwatch();
    }
  }

  return {
    apply: (change, call, pointOfNoReturn) => guarded({ call, pointOfNoReturn }, (pass) => apply(change, call, pass)),
    run: (script, call, pointOfNoReturn) =>
      guarded({ call, pointOfNoReturn }, (pass) => runByTemplate(script, { client, call, pointOfNoReturn: pass })),
    rehearse: (script, call) => guarded({ call }, () => rehearse(script, { client, call })),
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
function refuseAlways(change: Change, checked: boolean): void {
  if (change.own && !checked)
    throw new PluginFailure("verify.no-password-asked", "The server let the account in without its password.");
  if (!isLegal(change.next.reveal()))
    throw new PluginFailure("change.refused", "The new password must be 1 to 128 characters of printable ASCII.");
}
