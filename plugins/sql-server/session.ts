import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { rehearsable, renderStatements } from "../statements/render.ts";
import { runChange, runJob } from "../statements/run.ts";
import type { Connection } from "./driver.ts";
import { isLegal } from "./legal.ts";
import { passwordStatement } from "./statement.ts";

/** A statement that waits longer for a lock is given up by the server. Milliseconds. */
export const LIMIT_MS = 5000;

/** Quotes mean what they mean here, and nothing waits for a lock until its connection was cut long ago. */
export const PREPARE = `SET QUOTED_IDENTIFIER ON; SET LOCK_TIMEOUT ${LIMIT_MS}`;

type Running = Parameters<typeof runChange>[1];

/** A logged-in connection that changes passwords, one at a time. */
export function createSession(connection: Connection): Session {
  let usable = true;
  const destroy = () => {
    usable = false;
    connection.destroy();
  };
  const orDestroy = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      destroy();
      throw error;
    }
  };
  const running = (call: Call, pointOfNoReturn: () => Promise<void>): Running => ({
    call,
    pointOfNoReturn,
    undoes: false,
    send: async ({ sql }) => {
      await connection.ask(call, sql);
    },
  });
  return {
    apply: (change, call, pointOfNoReturn) => orDestroy(apply(connection, change, running(call, pointOfNoReturn))),
    run: async (script, call, pointOfNoReturn) =>
      orDestroy(runJob(renderStatements(script, { sql: "sql-server" }), running(call, pointOfNoReturn))),
    rehearse: async (script, call) => {
      const { statements, until } = rehearsable(script, "sql-server");
      for (const { sql, title, line } of statements) {
        await orDestroy(connection.ask(call, sql));
        call.transcript(`line ${line}: ${title} … done`);
      }
      return until;
    },
    reusable: () => usable && connection.isOpen(),
    close: async () => {
      usable = false;
      await connection.close();
    },
    destroy,
  };
}

async function apply(connection: Connection, change: Change, running: Running): Promise<void> {
  const { call, pointOfNoReturn } = running;
  if (!isLegal(change.next.reveal()))
    throw new PluginFailure("change.refused", "The new password must be 1 to 128 characters of printable ASCII.");
  if (change.script) return runChange(renderStatements(change.script, { sql: "sql-server" }), running);
  const statement = await passwordStatement(connection, change, call);
  call.transcript("login found; ALTER LOGIN … follows");
  await pointOfNoReturn();
  if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
  await connection.ask(call, statement);
  call.transcript("ALTER LOGIN done");
}
