import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { statementSession } from "../statements/session.ts";
import type { Connection } from "./driver.ts";
import { failureOf } from "./failures.ts";
import { isLegal } from "./legal.ts";
import { passwordStatement } from "./statement.ts";

/** A logged-in connection that changes passwords, one at a time. Whatever is about users is committed by itself. */
export function createSession(connection: Connection): Session {
  return statementSession({
    sql: "oracle",
    ask: (call, sql) => answered(connection.ask(call, sql)),
    check: ({ next }) => {
      if (!isLegal(next.reveal()))
        throw new PluginFailure(
          "change.refused",
          "The new password must be 1 to 30 of printable ASCII, no double quote.",
        );
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
  const statement = await answered(passwordStatement(connection, change, call));
  call.transcript("user found; ALTER USER … IDENTIFIED BY follows");
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  await answered(connection.ask(call, statement));
  call.transcript("ALTER USER done");
}

async function answered<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failureOf(error);
  }
}
