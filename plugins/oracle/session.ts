import { type Call, type Change, PluginFailure, type Session } from "../plugin.ts";
import { rehearsable, renderStatements } from "../statements/render.ts";
import { runChange, runJob } from "../statements/run.ts";
import type { Connection } from "./driver.ts";
import { failureOf } from "./failures.ts";
import { isLegal } from "./legal.ts";
import { passwordStatement } from "./statement.ts";

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
    // Whatever is about users is committed by itself.
    undoes: false,
    send: async ({ sql }) => {
      await answered(connection.ask(call, sql));
    },
  });
  return {
    apply: (change, call, pointOfNoReturn) => orDestroy(apply(connection, change, running(call, pointOfNoReturn))),
    run: async (script, call, pointOfNoReturn) =>
      orDestroy(runJob(renderStatements(script, { sql: "oracle" }), running(call, pointOfNoReturn))),
    rehearse: async (script, call) => {
      const { statements, until } = rehearsable(script, "oracle");
      for (const { sql, title, line } of statements) {
        await orDestroy(answered(connection.ask(call, sql)));
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
    throw new PluginFailure("change.refused", "The new password must be 1 to 30 of printable ASCII, no double quote.");
  if (change.script) return runChange(renderStatements(change.script, { sql: "oracle" }), running);
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
