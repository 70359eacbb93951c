import type { SqlDialect } from "../../templates/language/dialect.ts";
import type { Call, Change, Session } from "../plugin.ts";
import { rehearsable, renderStatements, type Statement } from "./render.ts";
import { runChange, rehearses, runJob, type Running, sendOne } from "./run.ts";

/** A logged-in connection to a database that carries out each statement by itself, for good. */
interface StatementConnection {
  readonly sql: SqlDialect;
  /** Sends one statement and waits for its answer. Throws `PluginFailure`. */
  ask(call: Call, sql: string): Promise<unknown>;
  /** A change without a template: must await the point of no return before what carries the new password. */
  change(change: Change, call: Call, pointOfNoReturn: () => Promise<void>): Promise<void>;
  /** Throws what keeps a change from being made at all. */
  check(change: Change): void;
  isOpen(): boolean;
  close(): Promise<void>;
  destroy(): void;
}

/** A session that changes passwords and runs templates, one at a time; whatever fails ends its connection. */
export function statementSession(connection: StatementConnection): Session {
  const { sql: dialect } = connection;
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
  const sending = (call: Call) => ({
    call,
    send: async ({ sql }: Statement) => {
      await connection.ask(call, sql);
    },
  });
  const running = (call: Call, pointOfNoReturn: () => Promise<void>): Running => ({
    ...sending(call),
    pointOfNoReturn,
    undoes: false,
  });
  const apply = async (change: Change, call: Call, pointOfNoReturn: () => Promise<void>) => {
    connection.check(change);
    if (!change.script) return connection.change(change, call, pointOfNoReturn);
    await runChange(renderStatements(change.script, { sql: dialect }), running(call, pointOfNoReturn));
  };
  return {
    apply: (change, call, pointOfNoReturn) => orDestroy(apply(change, call, pointOfNoReturn)),
    run: async (script, call, pointOfNoReturn) =>
      orDestroy(runJob(renderStatements(script, { sql: dialect }), running(call, pointOfNoReturn))),
    rehearse: async (script, call) => {
      const { statements, until } = rehearsable(script, dialect);
      for (const statement of statements) {
        if (!rehearses(statement, call)) return statement.line;
        await orDestroy(sendOne(statement, sending(call)));
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
