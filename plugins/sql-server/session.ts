import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { statementSession } from "../statements/session.ts";
import type { Connection } from "./driver.ts";
import { isLegal } from "./legal.ts";
import { passwordStatement } from "./statement.ts";

/** A statement that waits longer for a lock is given up by the server. Milliseconds. */
export const LIMIT_MS = 5000;

/** Quotes mean what they mean here, and nothing waits for a lock until its connection was cut long ago. */
export const PREPARE = `SET QUOTED_IDENTIFIER ON; SET LOCK_TIMEOUT ${LIMIT_MS}`;

/** A logged-in connection that changes passwords, one at a time. */
export function createSession(connection: Connection): Session {
  return statementSession({
    sql: "sql-server",
    ask: (call, sql) => connection.ask(call, sql),
    check: ({ next }) => {
      if (!isLegal(next.reveal()))
        throw new PluginFailure("change.refused", "The new password must be 1 to 128 characters of printable ASCII.");
    },
    change: (change, call, pointOfNoReturn) => setPassword(connection, change, { call, pointOfNoReturn }),
    isOpen: () => connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  });
}

async function setPassword(
  connection: Connection,
  change: Change,
  { call, pointOfNoReturn }: { call: Call; pointOfNoReturn: () => Promise<void> },
): Promise<void> {
  const statement = await passwordStatement(connection, change, call);
  call.transcript("login found; ALTER LOGIN … follows");
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  await connection.ask(call, statement);
  call.transcript("ALTER LOGIN done");
}
